// The catalog for pages and lists, and the two look-ups that cross pathways: who enrolls by itself, and who grants what.
import { defineProjection, type Document, type Recorded } from '@cairn/kernel';
import {
  credentialTemplateDrafted,
  credentialTemplatePublished,
  moduleDefined,
  moduleRevised,
  pathwayDrafted,
  pathwayVersionPublished,
  pathwayVersionRetired,
  type AutomaticEnrollment,
  type ModuleEvent,
  type PathwayEvent,
  type TemplateEvent,
} from '../contracts/catalog.events.js';
import { stackingEdgesOf } from '../contracts/stacking.js';

type Texts = { readonly [language: string]: string };
type Publication = {
  readonly version: number;
  readonly hash: string;
  readonly publishedAt: string;
  readonly publishedBy: string;
};

export type ModuleDocument = Document & {
  readonly kind: 'module';
  readonly tenant: string;
  readonly id: string;
  readonly slug: string;
  readonly title: Texts;
  readonly credits: number;
  readonly area?: string;
  readonly level?: number;
  readonly passMark?: number;
};
export type TemplateDocument = Document & {
  readonly kind: 'template';
  readonly tenant: string;
  readonly id: string;
  readonly slug: string;
  /** Of the newest version; of the draft as long as there is none. */
  readonly title: Texts;
  readonly versions: readonly Publication[];
};
export type PathwayDocument = Document & {
  readonly kind: 'pathway';
  readonly tenant: string;
  readonly id: string;
  readonly slug: string;
  /** Of the newest version; of the draft as long as there is none. */
  readonly title: Texts;
  readonly versions: readonly (Publication & {
    readonly label: string;
    readonly enrollment: string;
    readonly retired: boolean;
  })[];
};
/** The pathway enrolls by itself whoever completes or holds the target. */
export type AutomaticDocument = Document & {
  readonly kind: 'automatic';
  readonly tenant: string;
  readonly target: string;
  readonly pathwayId: string;
  readonly version: number;
};
/** Some version of the pathway grants the template. Kept when it retires: people in it go on (D9 looks at all of them). */
export type GrantsDocument = Document & {
  readonly kind: 'grants';
  readonly tenant: string;
  readonly templateId: string;
  readonly pathwayId: string;
  /** Templates that the award rests on, in any version. */
  readonly needs: readonly string[];
};
export type CatalogDocument = ModuleDocument | TemplateDocument | PathwayDocument | AutomaticDocument | GrantsDocument;

/** A shadow changes nothing that is published. */
export type CatalogEvent = Recorded<
  ModuleEvent | TemplateEvent | Exclude<PathwayEvent, { type: `pathway-shadow-${string}` }>
>;
type PathwayVersionEvent = Recorded<Extract<PathwayEvent, { data: { version: number } }>>;

/**
 * `_id`s: `<t>:module:<id>`, `<t>:template:<id>`, `<t>:pathway:<id>`, `<t>:automatic:<module or template id>:<pathway id>`,
 * `<t>:grants:<template id>:<pathway id>`.
 */
export const catalogProjection = defineProjection<
  CatalogDocument,
  | typeof moduleDefined
  | typeof moduleRevised
  | typeof credentialTemplateDrafted
  | typeof credentialTemplatePublished
  | typeof pathwayDrafted
  | typeof pathwayVersionPublished
  | typeof pathwayVersionRetired
>({
  name: 'catalog',
  version: 1,
  events: [
    moduleDefined,
    moduleRevised,
    credentialTemplateDrafted,
    credentialTemplatePublished,
    pathwayDrafted,
    pathwayVersionPublished,
    pathwayVersionRetired,
  ],
  keys: (event) => {
    const { tenant } = event.meta;
    switch (event.type) {
      case 'module-defined':
      case 'module-revised':
        return [`${tenant}:module:${event.data.moduleId}`];
      case 'credential-template-drafted':
      case 'credential-template-published':
        return [`${tenant}:template:${event.data.templateId}`];
      case 'pathway-drafted':
        return [`${tenant}:pathway:${event.data.pathwayId}`];
      case 'pathway-version-published':
      case 'pathway-version-retired': {
        const { pathwayId, automatic } = event.data;
        const granted = event.type === 'pathway-version-published' ? event.data.rules.awards : [];
        return [
          `${tenant}:pathway:${pathwayId}`,
          ...touched(automatic).map((target) => `${tenant}:automatic:${target}:${pathwayId}`),
          ...new Set(granted.map(({ template }) => `${tenant}:grants:${template}:${pathwayId}`)),
        ];
      }
      default:
        return event satisfies never;
    }
  },
  evolve: (document, event, id) => {
    const [, kind, target] = id.split(':') as [string, CatalogDocument['kind'], string];
    if (kind === 'automatic') return automaticDocument(event as PathwayVersionEvent, target);
    if (kind === 'grants')
      return grantsDocument(document as GrantsDocument | null, event as PathwayVersionEvent, target);
    return definition(document as ModuleDocument | TemplateDocument | PathwayDocument | null, event);
  },
  indexes: [
    // A public id names no tenant: whose thing it is.
    { name: 'thing', fields: [['id', 1]] },
    {
      name: 'kind-slug',
      fields: [
        ['tenant', 1],
        ['kind', 1],
        ['slug', 1],
      ],
    },
    {
      name: 'automatic-target',
      fields: [
        ['tenant', 1],
        ['kind', 1],
        ['target', 1],
      ],
    },
    {
      name: 'grants-template',
      fields: [
        ['tenant', 1],
        ['kind', 1],
        ['templateId', 1],
      ],
    },
  ],
});

const touched = (automatic: AutomaticEnrollment | undefined): readonly string[] =>
  automatic ? [...automatic.targets, ...automatic.dropped] : [];

function automaticDocument({ data, meta }: PathwayVersionEvent, target: string): AutomaticDocument | null {
  const { pathwayId, automatic } = data;
  if (automatic?.version === undefined || !automatic.targets.includes(target)) return null;
  return { kind: 'automatic', tenant: meta.tenant, target, pathwayId, version: automatic.version };
}

function grantsDocument(
  document: GrantsDocument | null,
  event: PathwayVersionEvent,
  templateId: string,
): GrantsDocument {
  const { data, meta } = event;
  const needed =
    event.type === 'pathway-version-published' ? stackingEdgesOf(event.data.rules).get(templateId) : undefined;
  return {
    kind: 'grants',
    tenant: meta.tenant,
    templateId,
    pathwayId: data.pathwayId,
    needs: [...new Set([...(document?.needs ?? []), ...(needed ?? [])])].toSorted(),
  };
}

function definition(
  document: ModuleDocument | TemplateDocument | PathwayDocument | null,
  event: CatalogEvent,
): ModuleDocument | TemplateDocument | PathwayDocument {
  const { tenant, recordedAt: publishedAt, actor: publishedBy } = event.meta;
  switch (event.type) {
    case 'module-defined':
    case 'module-revised': {
      const { moduleId: id, ...rest } = event.data;
      return { kind: 'module', tenant, id, ...rest };
    }
    case 'credential-template-drafted': {
      const { templateId: id, slug, achievement } = event.data;
      const template = document as TemplateDocument | null;
      if (template && template.versions.length > 0) return template;
      return { kind: 'template', tenant, id, slug, title: achievement.name, versions: [] };
    }
    case 'credential-template-published': {
      const { achievement, version, hash } = event.data;
      const template = existing(document as TemplateDocument | null, event);
      const versions = [...template.versions, { version, hash, publishedAt, publishedBy }];
      return { ...template, title: achievement.name, versions };
    }
    case 'pathway-drafted': {
      const { pathwayId: id, slug, title } = event.data;
      const pathway = document as PathwayDocument | null;
      if (pathway && pathway.versions.length > 0) return pathway;
      return { kind: 'pathway', tenant, id, slug, title, versions: [] };
    }
    case 'pathway-version-published': {
      const { title, version, label, enrollment, hash } = event.data;
      const pathway = existing(document as PathwayDocument | null, event);
      const added = { version, hash, publishedAt, publishedBy, label, enrollment, retired: false };
      return { ...pathway, title, versions: [...pathway.versions, added] };
    }
    case 'pathway-version-retired': {
      const pathway = existing(document as PathwayDocument | null, event);
      const versions = pathway.versions.map((each) =>
        each.version === event.data.version ? { ...each, retired: true } : each,
      );
      return { ...pathway, versions };
    }
    default:
      return event satisfies never;
  }
}

function existing<D extends Document>(document: D | null, event: CatalogEvent): D {
  if (!document) throw new Error(`${event.type} in ${event.stream}, of which no draft came before`);
  return document;
}
