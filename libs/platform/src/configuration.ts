// Configuration by environment, checked at start: all faults are listed at once. Secrets also as `<NAME>_FILE`.
import { plainToInstance } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Max,
  MaxLength,
  Min,
  MinLength,
  validateSync,
} from 'class-validator';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

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
    means: 'Requests a minute for each API key; of the public pages for each address.',
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
      raw[target] = /^CAIRN_(PORT|RATE_PER_MINUTE)$/.test(target) ? Number(text) : text;
    } catch (error) {
      faults.push(`${name}: cannot be read (${(error as Error).message})`);
    }
  }
  const environment = plainToInstance(Environment, raw, { exposeDefaultValues: true });
  for (const error of validateSync(environment))
    faults.push(`${error.property}: ${Object.values(error.constraints ?? {}).join(', ')}`);
  if (faults.length > 0) throw new Error(`The configuration has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`);
  return {
    dataDirectory: environment.CAIRN_DATA,
    port: environment.CAIRN_PORT,
    host: environment.CAIRN_HOST,
    baseUrl: keptBaseUrl(environment),
    operatorToken: environment.CAIRN_OPERATOR_TOKEN ?? keptToken(environment.CAIRN_DATA),
    logLevel: environment.CAIRN_LOG_LEVEL,
    ratePerMinute: environment.CAIRN_RATE_PER_MINUTE,
  };
}

/**
 * The address that ids of credentials and DIDs are made from: that of the first start, kept in the data folder, since
 * credentials that were signed under another one would not be recognised any more.
 */
function keptBaseUrl({ CAIRN_DATA, CAIRN_BASE_URL, CAIRN_HOST, CAIRN_PORT }: Environment): string {
  const given = CAIRN_BASE_URL?.replace(/\/$/, '');
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
