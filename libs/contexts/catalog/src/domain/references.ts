// What rules name: modules and templates, by slug or id in drafts, by id once published.
import { isUuid, type FactLoader, type TenantId } from '@cairn/kernel';
import type { LintCatalog, ModuleWorth, PathwayRules, Requirement, Selector } from '@cairn/rules';
import { moduleIdOf, templateIdOf } from '../contracts/catalog.events.js';
import {
  moduleFold,
  moduleStream,
  templateFold,
  templateStream,
  type ModuleState,
  type TemplateState,
} from '../contracts/catalog.folds.js';

/**
 * One name in a rule. `template`: what an award issues; `credential`: what a requirement asks for; the list of a selector
 * names modules and templates alike: `either`.
 */
export type Reference = {
  readonly kind: 'module' | 'template' | 'credential' | 'either';
  readonly name: string;
  /** JSON Pointer of the name. */
  readonly pointer: string;
};
type Rename = (reference: Reference) => string;

/** The requirement with every name replaced. */
export function renameInRequirement(node: Requirement, pointer: string, rename: Rename): Requirement {
  const children = (list: readonly Requirement[], member: string): readonly Requirement[] =>
    list.map((child, index) => renameInRequirement(child, `${pointer}/${member}/${index}`, rename));
  if (typeof node === 'string' || 'step' in node) return node;
  if ('module' in node)
    return { ...node, module: rename({ kind: 'module', name: node.module, pointer: `${pointer}/module` }) };
  if ('credential' in node)
    return {
      ...node,
      credential: rename({ kind: 'credential', name: node.credential, pointer: `${pointer}/credential` }),
    };
  if ('all' in node) return { ...node, all: children(node.all, 'all') };
  if ('any' in node) return { ...node, any: children(node.any, 'any') };
  if ('atLeast' in node) return { ...node, of: children(node.of, 'of') };
  return {
    ...node,
    from: renameInSelector(node.from, `${pointer}/from`, rename),
    ...(node.cap && {
      cap: node.cap.map((cap, index) => ({
        ...cap,
        from: renameInSelector(cap.from, `${pointer}/cap/${index}/from`, rename),
      })),
    }),
  };
}

function renameInSelector(selector: Selector, pointer: string, rename: Rename): Selector {
  if (!isList(selector)) return selector;
  return selector.map((name, index) => rename({ kind: 'either', name, pointer: `${pointer}/${index}` }));
}

const isList = (selector: Selector): selector is readonly string[] => Array.isArray(selector);

/** The rules with every name replaced. Pointers start at the draft: `/rules/steps/0/need/module`. */
export function renameInRules(rules: PathwayRules, rename: Rename): PathwayRules {
  return {
    ...rules,
    entryPoints: rules.entryPoints.map((entry, e) => ({
      ...entry,
      ...(entry.recognise && {
        recognise: entry.recognise.map((recognised, r) => ({
          ...recognised,
          when: renameInRequirement(recognised.when, `/rules/entryPoints/${e}/recognise/${r}/when`, rename),
        })),
      }),
    })),
    steps: rules.steps.map((step, index) => ({
      ...step,
      need: renameInRequirement(step.need, `/rules/steps/${index}/need`, rename),
    })),
    awards: rules.awards.map((award, index) => ({
      ...award,
      template: rename({ kind: 'template', name: award.template, pointer: `/rules/awards/${index}/template` }),
      when: renameInRequirement(award.when, `/rules/awards/${index}/when`, rename),
    })),
  };
}

/** Every name in the order of the rules, repeated ones too. */
export function referencesOf(rules: PathwayRules): readonly Reference[] {
  return collect((rename) => renameInRules(rules, rename));
}

export function referencesOfRequirement(requirement: Requirement, pointer: string): readonly Reference[] {
  return collect((rename) => renameInRequirement(requirement, pointer, rename));
}

function collect(walk: (rename: Rename) => unknown): readonly Reference[] {
  const found: Reference[] = [];
  walk((reference) => {
    found.push(reference);
    return reference.name;
  });
  return found;
}

/** What the names of a draft stand for now. */
export type NamedThings = {
  readonly modules: ReadonlyMap<string, ModuleState>;
  readonly templates: ReadonlyMap<string, TemplateState>;
};

/** Folds the streams behind the names. Ids derive from slugs, so no look-up is needed to find them. */
export async function loadNamedThings(
  tenant: TenantId,
  references: readonly Reference[],
  loader: FactLoader,
): Promise<NamedThings> {
  const modules = new Map<string, ModuleState>();
  const templates = new Map<string, TemplateState>();
  for (const { kind, name } of references) {
    const { module, template } = idsOf(tenant, name);
    if (mayBeModule(kind) && !modules.has(module))
      modules.set(module, await loader.fold(moduleFold, moduleStream(tenant, module)));
    if (kind !== 'module' && !templates.has(template))
      templates.set(template, await loader.fold(templateFold, templateStream(tenant, template)));
  }
  return { modules, templates };
}

const mayBeModule = (kind: Reference['kind']): boolean => kind === 'module' || kind === 'either';

const idsOf = (tenant: TenantId, name: string) => ({
  module: (isUuid(name) ? name : moduleIdOf(tenant, name)) as ReturnType<typeof moduleIdOf>,
  template: (isUuid(name) ? name : templateIdOf(tenant, name)) as ReturnType<typeof templateIdOf>,
});

const WORDS = {
  module: 'module',
  template: 'published template',
  credential: 'published template',
  either: 'module or published template',
} as const satisfies Record<Reference['kind'], string>;

export type RuleFault = { readonly pointer: string; readonly code: string; readonly message: string };

/** What the names are worth to rules, by the names as they were written. */
export function worthOf(tenant: TenantId, things: NamedThings, references: readonly Reference[]): LintCatalog {
  const modules = new Map<string, ModuleWorth>();
  const templates = new Map<string, Partial<ModuleWorth>>();
  for (const { name } of references) {
    const ids = idsOf(tenant, name);
    const module = things.modules.get(ids.module)?.definition;
    const template = things.templates.get(ids.template)?.versions.at(-1);
    if (module) modules.set(name, module);
    if (template) templates.set(name, template.achievement);
  }
  return { modules, templates: templates as LintCatalog['templates'] & object };
}

/** Turns names into ids; a name that stands for nothing, or for two things, is added to `faults`. */
export function resolver(tenant: TenantId, things: NamedThings, faults: RuleFault[]): Rename {
  return ({ kind, name, pointer }) => {
    const ids = idsOf(tenant, name);
    const isModule = mayBeModule(kind) && things.modules.get(ids.module)?.definition !== undefined;
    const template = kind === 'module' ? undefined : things.templates.get(ids.template);
    const isTemplate = template !== undefined && template.versions.length > 0;
    if (isModule && isTemplate)
      faults.push({
        pointer,
        code: 'reference-ambiguous',
        message: `"${name}" is a module and a template; name it by its id.`,
      });
    else if (!isModule && !isTemplate)
      faults.push({
        pointer,
        code: 'reference-unknown',
        message: template?.draft
          ? `The template "${name}" is a draft; publish it first.`
          : `There is no ${WORDS[kind]} "${name}".`,
      });
    return isModule ? ids.module : ids.template;
  };
}
