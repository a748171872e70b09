import type { Command, PathwayId, TemplateId } from '@cairn/kernel';
import type { ModuleDefinition, PathwayEvent, PathwayShadow, TemplateEvent } from './catalog.events.js';

export type DefineModule = Command<'DefineModule', ModuleDefinition>;
export type ReviseModule = Command<'ReviseModule', ModuleDefinition>;
export type ModuleCommand = DefineModule | ReviseModule;

export type DraftTemplate = Command<
  'DraftTemplate',
  Extract<TemplateEvent, { type: 'credential-template-drafted' }>['data']
>;
export type PublishTemplate = Command<'PublishTemplate', { readonly templateId: TemplateId }>;
export type TemplateCommand = DraftTemplate | PublishTemplate;

export type DraftPathway = Command<'DraftPathway', Extract<PathwayEvent, { type: 'pathway-drafted' }>['data']>;
/**
 * Publishes the draft as the next version, or changes nothing if the label names a version of the same content. Without
 * a label the version is called by its number, and nothing changes if the newest version says the same.
 * `grantedBy`: the pathways that grant credentials named by this one's rules, and those that grant what these name, and
 * so on. The handler finds them in the read model `catalog`; the decider reads their streams itself.
 */
export type PublishPathwayVersion = Command<
  'PublishPathwayVersion',
  { readonly pathwayId: PathwayId; readonly label?: string; readonly grantedBy?: readonly PathwayId[] }
>;
export type RetirePathwayVersion = Command<
  'RetirePathwayVersion',
  { readonly pathwayId: PathwayId; readonly version: number; readonly reasonCode: string }
>;
/**
 * Evaluates the draft beside the versions that people are in, until it is stopped or the draft is one no more. `from`,
 * `mapping` and `entryPoint` as for a dry run; `grantedBy` as for publishing.
 */
export type StartPathwayShadow = Command<
  'StartPathwayShadow',
  Omit<PathwayShadow, 'candidate'> & { readonly grantedBy?: readonly PathwayId[] }
>;
export type StopPathwayShadow = Command<
  'StopPathwayShadow',
  { readonly pathwayId: PathwayId; readonly reasonCode: string }
>;
export type PathwayCommand =
  DraftPathway | PublishPathwayVersion | RetirePathwayVersion | StartPathwayShadow | StopPathwayShadow;
