// How other contexts read the catalog as facts: folds of the module, template and pathway streams.
import { streamName, type Fold, type ModuleId, type PathwayId, type TemplateId, type TenantId } from '@cairn/kernel';
import type {
  ModuleDefinition,
  ModuleEvent,
  PathwayEvent,
  PathwayShadow,
  PublishedPathway,
  PublishedTemplate,
  TemplateEvent,
} from './catalog.events.js';

export const moduleStream = (tenant: TenantId, module: ModuleId): string => streamName('module', tenant, module);
export const templateStream = (tenant: TenantId, template: TemplateId): string =>
  streamName('template', tenant, template);
export const pathwayStream = (tenant: TenantId, pathway: PathwayId): string => streamName('pathway', tenant, pathway);

export type ModuleState = { readonly definition?: ModuleDefinition };
export const moduleFold: Fold<ModuleState, ModuleEvent> = {
  category: 'module',
  initial: {},
  evolve: (_state, event) => ({ definition: event.data }),
};

export type TemplateState = {
  readonly draft?: Extract<TemplateEvent, { type: 'credential-template-drafted' }>['data'];
  /** Published versions; version n stands at index n - 1. */
  readonly versions: readonly PublishedTemplate[];
};
export const templateFold: Fold<TemplateState, TemplateEvent> = {
  category: 'template',
  initial: { versions: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'credential-template-drafted':
        return { ...state, draft: event.data };
      case 'credential-template-published':
        return { ...state, versions: [...state.versions, event.data] };
      default:
        return event satisfies never;
    }
  },
};

export type PathwayState = {
  readonly draft?: Extract<PathwayEvent, { type: 'pathway-drafted' }>['data'];
  /** Published versions; version n stands at index n - 1. */
  readonly versions: readonly PublishedPathway[];
  readonly retired: readonly number[];
  /** Of the draft, while it is evaluated beside the versions. */
  readonly shadow?: PathwayShadow;
};
export const pathwayFold: Fold<PathwayState, PathwayEvent> = {
  category: 'pathway',
  initial: { versions: [], retired: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'pathway-drafted':
        return { ...state, draft: event.data };
      case 'pathway-version-published':
        return { ...state, versions: [...state.versions, event.data] };
      case 'pathway-version-retired':
        return { ...state, retired: [...state.retired, event.data.version] };
      case 'pathway-shadow-started':
        return { ...state, shadow: event.data };
      case 'pathway-shadow-ended': {
        const { shadow: _ended, ...rest } = state;
        return rest;
      }
      default:
        return event satisfies never;
    }
  },
};

/** The version that somebody new enrolls in: the newest that is not retired. */
export const newestVersion = (state: PathwayState): PublishedPathway | undefined =>
  state.versions.findLast(({ version }) => !state.retired.includes(version));

/** A version by its label, or else by its number. A label goes first: `2026` is a name more often than a count. */
export const versionByLabelOrNumber = (state: PathwayState, text: string): PublishedPathway | undefined =>
  state.versions.find(({ label }) => label === text) ??
  (/^[1-9]\d*$/.test(text) ? state.versions[Number(text) - 1] : undefined);
