// A command's hold on an installation: opened without HTTP, caught up before it is asked, closed at the end.
import { QueryBus } from '@nestjs/cqrs';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  bareId,
  type Command,
  type CommandContext,
  type CommandOutcome,
  type Issued,
  type TenantId,
} from '@cairn/kernel';
import { tenantFold, tenantStream } from '@cairn/contexts/tenancy';
import { CommandGateway, loadConfiguration, type Installation } from '@cairn/platform';
import type { INestApplicationContext } from '@nestjs/common';
import { createHeadless } from '../../server/src/app.js';

/** Something that the person can mend: its message is shown as it is. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode = 2,
  ) {
    super(message);
  }
}

export type GlobalOptions = { readonly data: string; readonly tenant?: string; readonly json?: boolean };

export type Tenant = {
  readonly tenant: TenantId;
  readonly slug: string;
  readonly namespace: string;
  readonly zone: string;
};

export type Session = {
  readonly app: INestApplicationContext;
  readonly installation: Installation;
  readonly queries: QueryBus;
  readonly gateway: CommandGateway;
  /** The tenant named by --tenant, or the only one. */
  readonly tenant: () => Promise<Tenant>;
  readonly tenants: () => Promise<readonly Tenant[]>;
};

/** How long reading commands wait for projections that were left behind. */
const CATCH_UP_MS = 600_000;
const LOOK_EVERY_MS = 1_000;

/** Runs `work` on the installation in the data folder. `create`: an empty folder is fine. */
export async function withSession<T>(
  options: GlobalOptions,
  work: (session: Session) => Promise<T>,
  { create = false, catchUp = true }: { create?: boolean; catchUp?: boolean } = {},
): Promise<T> {
  const onCluster = process.env['CAIRN_EVENTSTORE_URL'] ?? process.env['CAIRN_EVENTSTORE_URL_FILE'];
  if (!create && onCluster === undefined && !existsSync(join(options.data, 'events.sqlite')))
    throw new CliError(
      `There is no event log in ${options.data}. Name the data folder with --data, or fill one: npm run cairn -- import oulad --from <folder> --data ${options.data}`,
    );
  const configuration = loadConfiguration({
    ...process.env,
    CAIRN_DATA: options.data,
    CAIRN_LOG_LEVEL: 'silent',
    CAIRN_START_SECONDS: '0',
  });
  const { app, installation, close } = await createHeadless(configuration);
  try {
    if (catchUp) await caughtUp(installation);
    return await work(sessionOn({ app, installation }, options));
  } finally {
    await close();
  }
}

/**
 * Waits until projections and reactors have done what there is to do. One that has stopped is waited for no longer than
 * the others move: what it serves is behind, which is said, and what heals it must still run.
 */
async function caughtUp(installation: Installation): Promise<void> {
  const deadline = Date.now() + CATCH_UP_MS;
  for (let before = ''; Date.now() < deadline;) {
    if (await installation.settled(LOOK_EVERY_MS)) return;
    const { projections, reactors } = await installation.status();
    const runners = [...projections, ...reactors];
    const stopped = runners.filter(({ state }) => state === 'stopped').map(({ name }) => name);
    const now = runners.map(({ position }) => position).join();
    if (stopped.length > 0 && now === before) {
      process.stderr.write(
        `cairn: stopped, so that answers from it may be behind: ${stopped.join(', ')}; see: npm run cairn -- parked list\n`,
      );
      return;
    }
    before = now;
  }
  throw new CliError('The read models did not catch up within ten minutes; see: npm run cairn -- projections', 1);
}

/** A session on an installation that runs. */
export function sessionOn(
  { app, installation }: Pick<Session, 'app' | 'installation'>,
  options: Pick<GlobalOptions, 'tenant'>,
): Session {
  const tenants = async (): Promise<readonly Tenant[]> => {
    const found = await installation.views.find('tenants', {}, { sort: [['_id', 1]], limit: 1_000 });
    return Promise.all(
      found.map(async (document) => {
        const tenant = document['tenant'] as TenantId;
        const { state } = await installation.executor.snapshot(tenantFold, tenantStream(tenant));
        const { slug, namespace, zone } = state.registered as NonNullable<typeof state.registered>;
        return { tenant, slug, namespace, zone };
      }),
    );
  };
  return {
    app,
    installation,
    queries: app.get(QueryBus, { strict: false }),
    gateway: app.get(CommandGateway, { strict: false }),
    tenants,
    tenant: async () => {
      const all = await tenants();
      const wanted = options.tenant;
      const found =
        wanted === undefined
          ? all.length === 1
            ? all[0]
            : undefined
          : all.find(({ slug, tenant }) => slug === wanted || tenant === bareId('ten', wanted));
      if (found) return found;
      const names = all.map(({ slug }) => slug).join(', ') || 'none yet';
      throw new CliError(
        wanted === undefined
          ? `Name the tenant with --tenant; there are: ${names}.`
          : `There is no tenant "${wanted}"; there are: ${names}.`,
      );
    },
  };
}

/** Sends a command of this program. Throws with the refusal's words unless it is accepted. */
export async function dispatched<C extends Command>(
  session: Pick<Session, 'gateway'>,
  command: C,
  context: CommandContext,
): Promise<Extract<CommandOutcome, { accepted: true }>> {
  const outcome = await session.gateway.dispatch({ ...command, ...context } as Issued);
  if (outcome.accepted) return outcome;
  const errors = (outcome.errors ?? []).map(({ pointer, message }) => `\n  ${pointer}: ${message}`).join('');
  throw new CliError(`${command.type} was refused (${outcome.code}): ${outcome.detail}${errors}`, 1);
}
