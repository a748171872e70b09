// What Prometheus reads (text format 0.0.4): requests, commands and trouble as they happen, the rest looked up when it is
// asked for. Written by hand: three counters and a histogram need no library (ADR 2). Labels are names of ours, never
// ids or anything a client wrote (D11).
import type { CommandReport } from '@cairn/runtime';
import type { Health } from './health.js';

const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

type Labels = Readonly<Record<string, string>>;

export type Metrics = {
  /** `route` is the route's pattern, so that there are as many series as routes. */
  readonly request: (method: string, route: string, status: number, seconds: number) => void;
  readonly command: (report: CommandReport) => void;
  /** Something that is being waited out; `where` begins with a name of ours. */
  readonly trouble: (where: string) => void;
  readonly lines: () => readonly string[];
};

export function createMetrics(): Metrics {
  const requests = createHistogram(
    'cairn_http_request_duration_seconds',
    'Time from a request to the end of its answer.',
  );
  const commands = createCounter('cairn_commands_total', 'Commands by what came of them.');
  const retries = createCounter('cairn_command_retries_total', 'Decisions made again because others wrote meanwhile.');
  const trouble = createCounter('cairn_trouble_total', 'Faults of stores that were waited out, by who met them.');
  return {
    request: (method, route, status, seconds) => requests.observe({ method, route, status: String(status) }, seconds),
    command: ({ type, outcome, code, retries: again }) => {
      commands.add({ command: type, outcome, ...(code === undefined ? {} : { code }) }, 1);
      if (again > 0) retries.add({ command: type }, again);
    },
    trouble: (where) => trouble.add({ where: where.split(' ', 1)[0] as string }, 1),
    lines: () => [...requests.lines(), ...commands.lines(), ...retries.lines(), ...trouble.lines()],
  };
}

/** One page for Prometheus. */
export function metricsPage(metrics: Metrics, health: Health, version: string, roles: readonly string[]): string {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const lines = [
    ...gauge('cairn_info', 'What runs.', [[{ version, roles: roles.join(',') }, 1]]),
    ...gauge('cairn_ready', '1 if /readyz answers 200.', [[{}, health.ready ? 1 : 0]]),
    ...gauge('cairn_store_up', '1 if the store answers.', [
      [{ store: 'log' }, health.log.ok ? 1 : 0],
      [{ store: 'read-model' }, health.readModel.ok ? 1 : 0],
    ]),
    ...(health.status ? work(health) : []),
    ...(health.connection ? connection(health.connection) : []),
    ...gauge('process_resident_memory_bytes', 'Memory in use.', [[{}, memory.rss]]),
    ...gauge('nodejs_heap_size_used_bytes', 'Heap in use.', [[{}, memory.heapUsed]]),
    ...head('process_cpu_seconds_total', 'counter', 'CPU time.'),
    `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
    ...metrics.lines(),
  ];
  return `${lines.join('\n')}\n`;
}

function work({ status, lagMs, parked, deliveryAgeMs }: Health): readonly string[] {
  if (!status) return [];
  const { projections, reactors, scheduler, mail } = status;
  return [
    ...gauge('cairn_lag_seconds', 'Age of the oldest event that some projection has not folded.', [
      [{}, lagMs / 1_000],
    ]),
    ...gauge('cairn_delivery_age_seconds', 'Age of the oldest event that some reactor has not answered.', [
      [{}, deliveryAgeMs / 1_000],
    ]),
    ...gauge('cairn_parked_keys', 'Documents and partitions set aside because an event could not be handled.', [
      [{}, parked],
    ]),
    ...gauge(
      'cairn_projection_lag_seconds',
      'Age of the oldest event that the projection has not folded.',
      projections.map(({ name, lagMs: own }) => [{ projection: name }, own / 1_000]),
    ),
    ...gauge('cairn_runner_parked_keys', 'The same, of one projection or reactor.', [
      ...projections.map(({ name, parked: own }) => [{ projection: name }, own] as const),
      ...reactors.map(({ name, parked: own }) => [{ reactor: name }, own] as const),
    ]),
    ...gauge('cairn_runner_stopped', '1 if the projection or reactor stopped and needs a person.', [
      ...projections.map(({ name, state }) => [{ projection: name }, state === 'stopped' ? 1 : 0] as const),
      ...reactors.map(({ name, state }) => [{ reactor: name }, state === 'stopped' ? 1 : 0] as const),
    ]),
    ...gauge('cairn_due_set_aside', 'Due items that were refused or could not be sent.', [
      [{}, scheduler.setAside.length],
    ]),
    ...gauge('cairn_mail_up', '0 while the mail server takes nothing: /readyz says why. 1 without one, too.', [
      [{ channel: mail.channel }, mail.trouble === undefined ? 1 : 0],
    ]),
  ];
}

function connection(of: NonNullable<Health['connection']>): readonly string[] {
  const counter = (name: string, help: string, value: number): readonly string[] => [
    ...head(name, 'counter', help),
    `${name} ${value}`,
  ];
  return [
    ...gauge('cairn_eventstore_appends_in_flight', 'Appends without an answer yet.', [[{}, of.inFlight]]),
    ...counter('cairn_eventstore_stray_replies_total', 'Replies to appends nobody waited for.', of.strayReplies),
    ...counter('cairn_eventstore_replaced_connections_total', 'Append connections given up.', of.replacedConnections),
    ...counter('cairn_eventstore_resubscriptions_total', 'Subscriptions opened anew.', of.resubscriptions),
  ];
}

function createCounter(name: string, help: string) {
  const series = new Map<string, number>();
  return {
    add: (labels: Labels, amount: number): void => {
      const key = labelled(labels);
      series.set(key, (series.get(key) ?? 0) + amount);
    },
    lines: (): readonly string[] => [
      ...head(name, 'counter', help),
      ...Array.from(series, ([key, n]) => `${name}${key} ${n}`),
    ],
  };
}

type Buckets = { readonly counts: number[]; count: number; sum: number };

function createHistogram(name: string, help: string) {
  const series = new Map<string, { readonly labels: Labels; readonly buckets: Buckets }>();
  return {
    observe: (labels: Labels, value: number): void => {
      const key = labelled(labels);
      let found = series.get(key);
      if (!found)
        series.set(key, (found = { labels, buckets: { counts: BUCKETS_SECONDS.map(() => 0), count: 0, sum: 0 } }));
      const { buckets } = found;
      BUCKETS_SECONDS.forEach((bound, at) => {
        if (value <= bound) buckets.counts[at] = (buckets.counts[at] as number) + 1;
      });
      buckets.count++;
      buckets.sum += value;
    },
    lines: (): readonly string[] => [
      ...head(name, 'histogram', help),
      ...Array.from(series.values(), ({ labels, buckets: { counts, count, sum } }) => [
        ...BUCKETS_SECONDS.map(
          (bound, at) => `${name}_bucket${labelled({ ...labels, le: String(bound) })} ${counts[at]}`,
        ),
        `${name}_bucket${labelled({ ...labels, le: '+Inf' })} ${count}`,
        `${name}_sum${labelled(labels)} ${sum}`,
        `${name}_count${labelled(labels)} ${count}`,
      ]).flat(),
    ],
  };
}

const gauge = (name: string, help: string, values: readonly (readonly [Labels, number])[]): readonly string[] => [
  ...head(name, 'gauge', help),
  ...values.map(([labels, value]) => `${name}${labelled(labels)} ${value}`),
];

const head = (name: string, type: string, help: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

function labelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escaped = (text: string): string => text.replace(/["\\\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));
