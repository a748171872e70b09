// Configuration by environment, checked at start: all faults are listed at once. Secrets also as `<NAME>_FILE`.
import { plainToInstance } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  validateSync,
} from 'class-validator';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SMTP_TLS, type SmtpOptions } from '@cairn/mail';

/** What a process does; several processes share the work of one installation on the cluster. */
export const ROLES = ['api', 'projector', 'reactor', 'scheduler'] as const;
export type Role = (typeof ROLES)[number];

class Environment {
  /** Folder of the embedded store, its keys and blobs. One process at a time. */
  @IsString() @IsNotEmpty() CAIRN_DATA: string = './data';
  @IsInt() @Min(0) @Max(65_535) CAIRN_PORT: number = 3000;
  @IsString() @IsNotEmpty() CAIRN_HOST: string = '127.0.0.1';
  /** Address by which others reach the installation; ids of credentials and DIDs are made from it. */
  @IsOptional()
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  CAIRN_BASE_URL?: string;
  /** Of the operator, who creates tenants. Left out: made at the first start and kept in the data folder. */
  @IsOptional() @IsString() @MinLength(32) @MaxLength(400) CAIRN_OPERATOR_TOKEN?: string;
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'silent']) CAIRN_LOG_LEVEL: string = 'info';
  /** Requests a minute for each key; public pages by address. */
  @IsInt() @Min(1) @Max(10_000_000) CAIRN_RATE_PER_MINUTE: number = 6000;
  /** The cluster: where log, read models and vaults are, if not in the data folder. */
  @IsOptional()
  @Matches(/^esdb(\+discover)?:\/\/\S+$/, { message: 'is no connection string such as esdb://host:2113?tls=true' })
  CAIRN_EVENTSTORE_URL?: string;
  @IsOptional()
  @Matches(/^mongodb(\+srv)?:\/\/\S+$/, { message: 'is no address such as mongodb://host:27017/cairn?replicaSet=rs0' })
  CAIRN_MONGODB_URL?: string;
  @IsOptional()
  @Matches(/^[A-Za-z0-9+/]{43}=$/, { message: 'is not 32 bytes in base64; make them with: openssl rand -base64 32' })
  CAIRN_MASTER_KEY?: string;
  @IsOptional() @IsString() @IsNotEmpty() CAIRN_ROLES?: string;
  @IsInt() @Min(1) @Max(600) CAIRN_LEASE_SECONDS: number = 15;
  @IsInt() @Min(0) @Max(3600) CAIRN_START_SECONDS: number = 60;
  /** The mail server that messages to learners go to. */
  @IsOptional() @Matches(/^[A-Za-z0-9.:_-]{1,253}$/, { message: 'is no name of a host' }) CAIRN_SMTP_HOST?: string;
  @IsOptional() @IsInt() @Min(1) @Max(65_535) CAIRN_SMTP_PORT?: number;
  @IsOptional() @IsIn(SMTP_TLS) CAIRN_SMTP_TLS?: SmtpOptions['tls'];
  @IsOptional() @IsString() @IsNotEmpty() CAIRN_SMTP_USER?: string;
  @IsOptional() @IsString() @IsNotEmpty() CAIRN_SMTP_PASSWORD?: string;
  @IsOptional()
  @Matches(/^([^<>"\r\n]{1,200} )?<[^\s<>@]+@[^\s<>@]+>$|^[^\s<>@]+@[^\s<>@]+$/, {
    message: 'is no sender such as Northlake College <no-reply@northlake.example>',
  })
  CAIRN_MAIL_FROM?: string;
}

/** What each variable means, for the generated reference. */
export const CONFIGURATION_REFERENCE: readonly { name: string; default: string; means: string }[] = [
  {
    name: 'CAIRN_DATA',
    default: './data',
    means: 'Folder of the embedded store, its keys and blobs. One process at a time.',
  },
  { name: 'CAIRN_PORT', default: '3000', means: 'TCP port; 0 takes a free one.' },
  { name: 'CAIRN_HOST', default: '127.0.0.1', means: 'Address to listen on.' },
  {
    name: 'CAIRN_BASE_URL',
    default: 'http://<host>:<port> of the first start, kept in <data>/base-url',
    means: 'How others reach the installation; ids of credentials and DIDs are made from it. Never change it later.',
  },
  {
    name: 'CAIRN_OPERATOR_TOKEN',
    default: 'made at the first start, in <data>/operator-token',
    means: 'Token of the operator, who creates tenants. At least 32 characters. Also as CAIRN_OPERATOR_TOKEN_FILE.',
  },
  { name: 'CAIRN_LOG_LEVEL', default: 'info', means: 'fatal, error, warn, info, debug or silent.' },
  {
    name: 'CAIRN_RATE_PER_MINUTE',
    default: '6000',
    means: 'Requests a minute for each API key; of the public pages for each address. Each process counts by itself.',
  },
  {
    name: 'CAIRN_EVENTSTORE_URL',
    default: 'none: the log is in the data folder',
    means:
      'EventStoreDB that holds the event log: `esdb://user:password@host:2113?tls=true`, `esdb+discover://…` for several nodes. With CAIRN_MONGODB_URL or not at all. Also as CAIRN_EVENTSTORE_URL_FILE.',
  },
  {
    name: 'CAIRN_MONGODB_URL',
    default: 'none: read models and vaults are in the data folder',
    means:
      'MongoDB, a replica set: `mongodb://user:password@host:27017/cairn?replicaSet=rs0`. The database in it (`cairn` if none) holds the read models and can be rebuilt; keys and signed copies are in the one beside it with `_vault` behind its name, and cannot: back it up. Also as CAIRN_MONGODB_URL_FILE.',
  },
  {
    name: 'CAIRN_MASTER_KEY',
    default: 'none: embedded stores keep theirs in <data>/master-key',
    means:
      'Wraps the keys in the vault on the cluster: 32 bytes in base64, the same for every process, kept apart from the database. Best as CAIRN_MASTER_KEY_FILE.',
  },
  {
    name: 'CAIRN_ROLES',
    default: 'api,projector,reactor,scheduler',
    means:
      'What this process does, on the cluster: `api` answers requests, `projector` folds read models, `reactor` answers events with commands, `scheduler` sends what falls due. Each role needs at least one process; a second one takes over when the first is gone. Every process answers /livez, /readyz, /metrics, /version and /ops.',
  },
  {
    name: 'CAIRN_LEASE_SECONDS',
    default: '15',
    means: 'On the cluster: so long after a process died its work is taken over, at the latest.',
  },
  {
    name: 'CAIRN_START_SECONDS',
    default: '60',
    means:
      'On the cluster: so long a start waits for a server that does not answer yet, and says every few seconds what is missing. What waiting cannot mend, such as another master key, ends it at once.',
  },
  {
    name: 'CAIRN_SMTP_HOST',
    default: 'none: messages are kept in the outbox',
    means: 'The mail server that messages to learners are handed to. With CAIRN_MAIL_FROM.',
  },
  { name: 'CAIRN_SMTP_PORT', default: '587; 465 with CAIRN_SMTP_TLS=implicit', means: 'Its TCP port.' },
  {
    name: 'CAIRN_SMTP_TLS',
    default: 'starttls',
    means:
      '`starttls` insists on it, `implicit` speaks TLS from the first byte, `none` sends in clear: only to a server on this machine. Certificates of an authority of your own: NODE_EXTRA_CA_CERTS.',
  },
  { name: 'CAIRN_SMTP_USER', default: 'none', means: 'Its login, if it wants one. With CAIRN_SMTP_PASSWORD.' },
  { name: 'CAIRN_SMTP_PASSWORD', default: 'none', means: 'Best as CAIRN_SMTP_PASSWORD_FILE.' },
  {
    name: 'CAIRN_MAIL_FROM',
    default: 'none',
    means: 'Sender of all messages: `Northlake College <no-reply@northlake.example>` or the address alone.',
  },
];

export type Configuration = {
  readonly dataDirectory: string;
  readonly port: number;
  readonly host: string;
  readonly baseUrl: string;
  readonly operatorToken: string;
  readonly logLevel: string;
  readonly ratePerMinute: number;
  /** Left out: everything is embedded, in the data folder, and this process does all. */
  readonly cluster?: ClusterConfiguration;
  /** Left out: messages to learners are kept in the outbox. */
  readonly smtp?: SmtpOptions;
};

export type ClusterConfiguration = {
  readonly eventStoreUrl: string;
  readonly mongoUrl: string;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  readonly roles: readonly Role[];
  readonly leaseMs: number;
  /** How long the start waits for servers that do not answer; not at all if left out. */
  readonly startMs?: number;
};

/** Reads and checks the environment. Throws an Error whose message lists every fault. */
export function loadConfiguration(env: NodeJS.ProcessEnv): Configuration {
  const raw: Record<string, unknown> = {};
  const faults: string[] = [];
  const known = new Set(CONFIGURATION_REFERENCE.map(({ name }) => name));
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('CAIRN_') || value === undefined || name.startsWith('CAIRN_TEST_')) continue;
    const target = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : name;
    if (!known.has(target)) {
      faults.push(`${name}: is not a setting; known are ${[...known].join(', ')}`);
      continue;
    }
    try {
      const text = name.endsWith('_FILE') ? readFileSync(value, 'utf8').trim() : value;
      raw[target] = /^CAIRN_(PORT|RATE_PER_MINUTE|LEASE_SECONDS|START_SECONDS|SMTP_PORT)$/.test(target)
        ? Number(text)
        : text;
    } catch (error) {
      faults.push(`${name}: cannot be read (${(error as Error).message})`);
    }
  }
  const environment = plainToInstance(Environment, raw, { exposeDefaultValues: true });
  for (const error of validateSync(environment))
    faults.push(`${error.property}: ${Object.values(error.constraints ?? {}).join(', ')}`);
  const cluster = clusterOf(environment, faults);
  const smtp = smtpOf(environment, faults);
  if (faults.length > 0) throw new Error(`The configuration has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`);
  return {
    dataDirectory: environment.CAIRN_DATA,
    port: environment.CAIRN_PORT,
    host: environment.CAIRN_HOST,
    baseUrl: cluster ? withoutSlash(environment.CAIRN_BASE_URL as string) : keptBaseUrl(environment),
    operatorToken: environment.CAIRN_OPERATOR_TOKEN ?? keptToken(environment.CAIRN_DATA),
    logLevel: environment.CAIRN_LOG_LEVEL,
    ratePerMinute: environment.CAIRN_RATE_PER_MINUTE,
    ...(cluster ? { cluster } : {}),
    ...(smtp ? { smtp } : {}),
  };
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** The mail server; undefined if none is named. Adds what is at fault. */
function smtpOf(environment: Environment, faults: string[]): SmtpOptions | undefined {
  const { CAIRN_SMTP_HOST: host, CAIRN_SMTP_USER: user, CAIRN_SMTP_PASSWORD: password } = environment;
  const { CAIRN_SMTP_TLS: tls = 'starttls', CAIRN_MAIL_FROM: from } = environment;
  if (host === undefined) {
    for (const name of ['CAIRN_SMTP_PORT', 'CAIRN_SMTP_TLS', 'CAIRN_SMTP_USER', 'CAIRN_SMTP_PASSWORD'] as const)
      if (environment[name] !== undefined) faults.push(`${name}: is for a mail server; name it by CAIRN_SMTP_HOST`);
    return undefined;
  }
  if (from === undefined) faults.push('CAIRN_MAIL_FROM: is missing; messages need a sender');
  if ((user === undefined) !== (password === undefined))
    faults.push(`${user === undefined ? 'CAIRN_SMTP_USER' : 'CAIRN_SMTP_PASSWORD'}: is missing; a login has both`);
  if (tls === 'none' && !LOOPBACK.test(host))
    faults.push(
      `CAIRN_SMTP_TLS: none would send names, addresses and the password in clear to ${host}; that is for a server on this machine`,
    );
  return {
    host,
    port: environment.CAIRN_SMTP_PORT ?? (tls === 'implicit' ? 465 : 587),
    tls,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    from: from ?? '',
  };
}

/** Either both stores are on servers, with what processes must have in common, or none is. Adds what is at fault. */
function clusterOf(environment: Environment, faults: string[]): ClusterConfiguration | undefined {
  const { CAIRN_EVENTSTORE_URL: eventStoreUrl, CAIRN_MONGODB_URL: mongoUrl, CAIRN_ROLES } = environment;
  const named = (CAIRN_ROLES ?? ROLES.join(',')).split(',').map((role) => role.trim());
  const roles = ROLES.filter((role) => named.includes(role));
  for (const role of named)
    if (!(ROLES as readonly string[]).includes(role))
      faults.push(`CAIRN_ROLES: "${role}" is no role; there are ${ROLES.join(', ')}`);
  if (eventStoreUrl === undefined && mongoUrl === undefined) {
    if (roles.length < ROLES.length)
      faults.push(
        'CAIRN_ROLES: the embedded stores admit one process, which does all; leave it out, or set CAIRN_EVENTSTORE_URL and CAIRN_MONGODB_URL',
      );
    if (environment.CAIRN_MASTER_KEY !== undefined)
      faults.push('CAIRN_MASTER_KEY: is for the cluster; the embedded vault keeps its own in the data folder');
    return undefined;
  }
  if (eventStoreUrl === undefined || mongoUrl === undefined) {
    const [given, missing] =
      eventStoreUrl === undefined
        ? ['CAIRN_MONGODB_URL', 'CAIRN_EVENTSTORE_URL']
        : ['CAIRN_EVENTSTORE_URL', 'CAIRN_MONGODB_URL'];
    faults.push(
      `${missing}: is missing, though ${given} is set; log and read models are either both on servers or both in the data folder`,
    );
  }
  for (const name of ['CAIRN_BASE_URL', 'CAIRN_OPERATOR_TOKEN', 'CAIRN_MASTER_KEY'] as const)
    if (environment[name] === undefined)
      faults.push(
        `${name}: is needed on the cluster, the same for every process; nothing is kept in a data folder there`,
      );
  return {
    eventStoreUrl: eventStoreUrl ?? '',
    mongoUrl: mongoUrl ?? '',
    masterKey: Buffer.from(environment.CAIRN_MASTER_KEY ?? '', 'base64'),
    roles,
    leaseMs: environment.CAIRN_LEASE_SECONDS * 1_000,
    startMs: environment.CAIRN_START_SECONDS * 1_000,
  };
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '');

/**
 * The address that ids of credentials and DIDs are made from: that of the first start, kept in the data folder, since
 * credentials that were signed under another one would not be recognised any more.
 */
function keptBaseUrl({ CAIRN_DATA, CAIRN_BASE_URL, CAIRN_HOST, CAIRN_PORT }: Environment): string {
  const given = CAIRN_BASE_URL === undefined ? undefined : withoutSlash(CAIRN_BASE_URL);
  const file = join(CAIRN_DATA, 'base-url');
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  if (kept !== undefined && given !== undefined && given !== kept)
    throw new Error(
      `CAIRN_BASE_URL is ${given}, but credentials in ${CAIRN_DATA} are signed under ${kept}. ` +
        `Leave it out or set it to ${kept}; to serve another address, put a redirect there.`,
    );
  if (kept !== undefined) return kept;
  const fresh = given ?? `http://${CAIRN_HOST}:${CAIRN_PORT}`;
  mkdirSync(CAIRN_DATA, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${fresh}\n`);
  return fresh;
}

/** The operator's token of this data folder, made once, readable by its owner only. */
function keptToken(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'operator-token');
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  if ((statSync(file).mode & 0o077) !== 0 && process.platform !== 'win32')
    throw new Error(`${file} can be read by others. Run: chmod 600 ${file}`);
  return readFileSync(file, 'utf8').trim();
}
