// That the benchmarks on the cluster run from end to end, answer rightly, and say what they ran against: how fast is for
// a calm machine.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

type Results = {
  readonly ranAgainst: string;
  readonly invariants: { readonly hold: boolean };
  readonly rows: readonly {
    readonly id: string;
    readonly value: number;
    readonly verdict: string;
    readonly ranAgainst: string;
  }[];
};

it('every benchmark of the cluster runs, and its answers hold', async () => {
  const run = spawn(process.execPath, ['scripts/bootstrap.mjs', 'bench/cluster.mjs', '--scale', '0.02'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, said] = await Promise.all([text(run.stdout), text(run.stderr)]);
  const results = ((): Results => {
    try {
      return JSON.parse(out) as Results;
    } catch {
      throw new Error(`no results: ${said.slice(-3_000)}`);
    }
  })();
  expect(results.invariants.hold).toBe(true);
  expect(new Set(results.rows.map(({ id }) => id))).toEqual(
    new Set(['P2', 'P4', 'P8', 'P9', 'P11', 'P12', 'P14', 'P15', 'P18']),
  );
  for (const row of results.rows) {
    expect(row).toMatchObject({ ranAgainst: expect.stringMatching(/EventStoreDB, .+; MongoDB, .+/) as string });
    expect(Number.isFinite(row.value)).toBe(true);
    expect([row.id, row.verdict]).not.toContain('failed');
  }
}, 600_000);
