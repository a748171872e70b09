import {
  moduleFold,
  moduleStream,
  templateFold,
  templateStream,
  type ModuleDefinition,
  type PublishedTemplate,
} from '@cairn/contexts/catalog';
import type { FactLoader, ModuleId, TemplateId, TenantId } from '@cairn/kernel';
import type { CatalogWords } from '../domain/why-not.js';

/** Titles of modules and templates, and what modules are worth. An id is the one or the other. */
export async function catalogWords(
  loader: FactLoader,
  tenant: TenantId,
  ids: readonly string[],
): Promise<CatalogWords> {
  const modules = new Map<string, ModuleDefinition>();
  const templates = new Map<string, PublishedTemplate>();
  await Promise.all(
    ids.map(async (id) => {
      const { definition } = await loader.fold(moduleFold, moduleStream(tenant, id as ModuleId));
      if (definition) modules.set(id, definition);
      const template = (await loader.fold(templateFold, templateStream(tenant, id as TemplateId))).versions.at(-1);
      if (template) templates.set(id, template);
    }),
  );
  const named = (slug: string | undefined, title: { readonly [language: string]: string } | undefined) =>
    slug === undefined ? undefined : [slug, title?.['en'] ?? Object.values(title ?? {})[0]].filter(Boolean).join(' ');
  return {
    modules,
    names: {
      module: (id) => named(modules.get(id)?.slug, modules.get(id)?.title),
      credential: (id) => named(templates.get(id)?.slug, templates.get(id)?.achievement.name),
    },
  };
}
