// One module: the smallest unit that can be completed.
import { accept, hashJson, invalid, reject, type Decider, type Rejected, type TenantId } from '@cairn/kernel';
import type { ModuleCommand } from '../contracts/catalog.commands.js';
import { moduleIdOf, type ModuleDefinition, type ModuleEvent } from '../contracts/catalog.events.js';
import { moduleFold, moduleStream, type ModuleState } from '../contracts/catalog.folds.js';
import { alreadyExists, foreignId } from './refusals.js';

export const moduleDecider: Decider<ModuleState, ModuleCommand, ModuleEvent> = {
  ...moduleFold,
  commands: ['DefineModule', 'ReviseModule'],
  streamOf: (command) => moduleStream(command.tenant, command.data.moduleId),
  decide: ({ type, tenant, data }, { definition }) => {
    const fault = faultOf(data, tenant);
    if (fault) return fault;
    if (definition && hashJson(definition) === hashJson(data)) return accept();
    switch (type) {
      case 'DefineModule':
        return definition ? alreadyExists('module', data.slug) : accept({ type: 'module-defined', data });
      case 'ReviseModule':
        return definition
          ? accept({ type: 'module-revised', data })
          : reject('not-found', `There is no module "${data.slug}".`, 'Define it first, or check its slug.');
      default:
        return type satisfies never;
    }
  },
};

function faultOf(module: ModuleDefinition, tenant: TenantId): Rejected | undefined {
  if (module.moduleId !== moduleIdOf(tenant, module.slug)) return foreignId('/moduleId', module.slug);
  if (Object.keys(module.title).length === 0) return invalid('/title', 'required', 'A title in one language at least.');
  if (Math.abs(module.credits * 100 - Math.round(module.credits * 100)) > 1e-9)
    return invalid('/credits', 'decimals', `Credits have at most two decimals; ${module.credits} has more.`);
  return undefined;
}
