// The Open University data through the real command line: 32,593 registrations and 173,912 submissions by public
// commands, and the right numbers out. Every expectation is counted here anew, from the files alone.
// The first 2,000 students unless CAIRN_TEST_OULAD=all: all 28,785 take about a quarter of an hour on two cores. The
// totals of the whole data set are compared only then; everything else is counted anew for the slice as well.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { TenantId } from '@cairn/kernel';
import { pathwayIdOf, templateIdOf } from '@cairn/contexts/catalog';
import { loadConfiguration } from '@cairn/platform';
import { createHeadless, type Running } from '../../apps/server/src/app.js';
import { verifyLog } from '../../apps/cli/src/verify-log.js';
import { FunnelQuery } from '../../libs/contexts/analytics/src/queries/pathway-analytics.js';

const folder = join(import.meta.dirname, '../../../shared/data/oulad');
const there = existsSync(join(folder, 'studentAssessment.csv'));
const students = process.env['CAIRN_TEST_OULAD'] === 'all' ? undefined : '2000';
const title = `OULAD${students === undefined ? '' : `, the first ${students} students`}${there ? '' : ' (skipped: ../shared/data/oulad is not there)'}`;

type Row = Readonly<Record<string, string>>;
/** The files hold no quoted commas, so this small reader suffices; it shares nothing with the importer's. */
function rows(file: string): readonly Row[] {
  const [head = '', ...lines] = readFileSync(join(folder, file), 'utf8')
    .replaceAll('\r', '')
    .replaceAll('"', '')
    .trim()
    .split('\n');
  const names = head.split(',');
  return lines.map((line) =>
    Object.fromEntries(line.split(',').map((value, index) => [names[index] as string, value])),
  );
}

(there ? describe : describe.skip)(title, () => {
  let data: string;
  let summary: {
    learners: number;
    newEvents: number;
    commands: { refused: number };
    codes: Record<string, number>;
    report: string;
  };
  let running: Running<INestApplicationContext>;
  let tenant: TenantId;
  const took: string[] = [];
  const timed = async <T>(what: string, work: () => T | Promise<T>): Promise<T> => {
    const start = Date.now();
    const result = await work();
    took.push(`${what} ${Math.round((Date.now() - start) / 1000)} s`);
    return result;
  };
  const cairn = (...args: readonly string[]) => {
    const run = spawnSync(process.execPath, ['scripts/cairn.mjs', '--data', data, '--json', ...args], {
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    if (run.status !== 0) throw new Error(`cairn ${args.join(' ')} ended with ${run.status}: ${run.stderr}`);
    return JSON.parse(run.stdout) as never;
  };
  const first = students === undefined ? [] : ['--students', students];

  const registrations = there ? rows('studentRegistration.csv') : [];
  const chosen = new Set(
    [...new Set(registrations.map((row) => row['id_student'] as string))].slice(
      0,
      students === undefined ? undefined : Number(students),
    ),
  );
  const submissions = there
    ? rows('studentAssessment.csv').filter((row) => chosen.has(row['id_student'] as string))
    : [];
  const assessments = there ? rows('assessments.csv') : [];
  const byId = new Map(assessments.map((row) => [row['id_assessment'] as string, row]));
  const results = there ? rows('studentInfo.csv').filter((row) => chosen.has(row['id_student'] as string)) : [];
  const passing = submissions.filter(
    (row) => row['is_banked'] === '0' && row['score'] !== '' && row['score'] !== '?' && Number(row['score']) >= 40,
  );

  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), 'cairn-oulad-'));
    summary = await timed('import', () => cairn('import', 'oulad', '--from', folder, ...first));
    running = await createHeadless(loadConfiguration({ CAIRN_DATA: data, CAIRN_LOG_LEVEL: 'silent' }));
    await running.installation.settled(60_000);
    const [document] = await running.installation.views.find('tenants', {}, { limit: 1 });
    tenant = document?.['tenant'] as TenantId;
  }, 1_500_000);
  afterAll(async () => {
    await running?.close();
    rmSync(data, { recursive: true, force: true });
    console.info(`OULAD: ${took.join(', ')}`);
  });

  const count = async (projection: string, match: object): Promise<number> => {
    const [found] = await running.installation.views.aggregate(projection, [
      { $match: match as never },
      { $group: { _id: null, n: { $sum: 1 } } },
    ]);
    return (found?.['n'] as number | undefined) ?? 0;
  };

  it('refuses what is below the pass mark or without a score, and names each row', () => {
    const below = submissions.filter(
      (row) => row['is_banked'] === '0' && row['score'] !== '' && Number(row['score']) < 40,
    ).length;
    const without = submissions.filter((row) => row['is_banked'] === '0' && row['score'] === '').length;
    expect(summary.learners).toBe(chosen.size);
    expect(summary.codes['evidence-refused']).toBe(below + without);
    expect(summary.commands.refused).toBe(below + without);
    const refused = readFileSync(summary.report, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; line: number; code: string; reason: string })
      .filter(({ code }) => code === 'evidence-refused');
    const [sample] = refused as [(typeof refused)[number]];
    expect(refused).toHaveLength(below + without);
    const cells = readFileSync(join(folder, sample.file), 'utf8').split('\n')[sample.line - 1]?.split(',');
    expect(Number(cells?.[4] ?? 0)).toBeLessThan(40);
  });

  it('issues a credential for each assessment passed, each module passed, and each two modules', async () => {
    const templates = new Map<string, number>();
    const add = (slug: string): void => void templates.set(slug, (templates.get(slug) ?? 0) + 1);
    for (const row of passing) {
      const of = byId.get(row['id_assessment'] as string) as Row;
      if (of['assessment_type'] === 'TMA')
        add(`oulad-${of['code_module']}-${of['code_presentation']}-tma-${row['id_assessment']}`.toLowerCase());
    }
    const modules = new Map<string, Set<string>>();
    for (const row of results)
      if (row['final_result'] === 'Pass' || row['final_result'] === 'Distinction') {
        const student = row['id_student'] as string;
        const passed = modules.get(student) ?? new Set();
        if (!passed.has(row['code_module'] as string)) add(`oulad-${row['code_module']}`.toLowerCase());
        modules.set(student, passed.add(row['code_module'] as string));
      }
    for (const passed of modules.values()) if (passed.size >= 2) add('oulad-stacked-certificate');
    const found = await running.installation.views.aggregate('register', [
      { $match: { tenant } },
      { $group: { _id: '$templateId', n: { $sum: 1 } } },
    ]);
    const expected = new Map([...templates].map(([slug, n]) => [templateIdOf(tenant, slug) as string, n]));
    expect(new Map(found.map((row) => [row['_id'] as string, row['n'] as number]))).toEqual(expected);
    if (students !== undefined) return;
    const sums = { step: 0, module: 0, stacked: 0 };
    for (const [slug, n] of templates)
      sums[/-tma-/.test(slug) ? 'step' : slug === 'oulad-stacked-certificate' ? 'stacked' : 'module'] += n;
    expect(sums).toEqual({ step: 91_682, module: 15_385, stacked: 802 });
    expect(await count('learners', { tenant })).toBe(28_785);
  });

  it('answers the funnel of every presentation, in any order and in order', async () => {
    const queries = running.app.get(QueryBus, { strict: false });
    const presentations = [...new Set(registrations.map((row) => `${row['code_module']} ${row['code_presentation']}`))];
    expect(presentations).toHaveLength(22);
    for (const presentation of presentations) {
      const [module = '', label = ''] = presentation.split(' ');
      const here = (row: Row | undefined): boolean =>
        row?.['code_module'] === module && row['code_presentation'] === label;
      const tmas = assessments
        .filter((row) => here(row) && row['assessment_type'] === 'TMA')
        .toSorted(
          (a, b) =>
            Number(a['date'] || 1e9) - Number(b['date'] || 1e9) ||
            Number(a['id_assessment']) - Number(b['id_assessment']),
        )
        .map((row) => row['id_assessment'] as string);
      const days = new Map<string, Map<string, number>>();
      for (const row of passing) {
        if (!tmas.includes(row['id_assessment'] as string)) continue;
        const own = days.get(row['id_student'] as string) ?? new Map<string, number>();
        days.set(row['id_student'] as string, own.set(row['id_assessment'] as string, Number(row['date_submitted'])));
      }
      const any = tmas.map((id) => [...days.values()].filter((own) => own.has(id)).length);
      const ordered = tmas.map(() => 0);
      for (const own of days.values()) {
        let last = Number.NEGATIVE_INFINITY;
        for (const [index, id] of tmas.entries()) {
          const day = own.get(id);
          if (day === undefined || day < last) break;
          last = day;
          (ordered[index] as number)++;
        }
      }
      const enrolled = registrations.filter((row) => here(row) && chosen.has(row['id_student'] as string)).length;
      const pathwayId = pathwayIdOf(tenant, `oulad-${module.toLowerCase()}`);
      for (const [order, satisfied] of [
        ['any', any],
        ['in-order', ordered],
      ] as const) {
        const answer = await queries.execute(new FunnelQuery({ tenant, pathwayId, version: label }, order));
        expect({
          presentation,
          order,
          enrolled: answer.enrolled,
          satisfied: answer.steps.map((step) => step.satisfied),
        }).toEqual({ presentation, order, enrolled, satisfied });
        // The counters and the journeys are folded apart: asked about an instant, the journeys answer.
        const asOf = running.installation.clock.now();
        const recounted = await queries.execute(new FunnelQuery({ tenant, pathwayId, version: label, asOf }, order));
        expect(recounted.steps).toEqual(answer.steps);
      }
      if (students === undefined && presentation === 'FFF 2013J') {
        expect(enrolled).toBe(2283);
        expect(any).toEqual([1792, 1538, 1277, 1221, 1081]);
        expect(ordered).toEqual([1792, 1529, 1228, 1134, 977]);
      }
    }
  }, 300_000);

  it('verifies the whole log and decides every completion again', async () => {
    const { faults, redecided, credentials } = await timed('verify-log', () =>
      verifyLog(running.installation, { redecide: true }),
    );
    expect(faults).toEqual([]);
    expect(redecided).toBeGreaterThan(passing.length);
    expect(credentials).toBe(await count('register', { tenant }));
  }, 600_000);

  it('rebuilds the read models of the answers, byte for byte the same', async () => {
    const parity = await timed('rebuild', () =>
      running.installation.rebuild(['pathway_funnel', 'journeys', 'register', 'wallet'], { dropOld: true }),
    );
    expect(parity.map(({ name, equal, differing }) => ({ name, equal, differing }))).toEqual(
      ['pathway_funnel', 'journeys', 'register', 'wallet'].map((name) => ({ name, equal: true, differing: [] })),
    );
  }, 900_000);

  it('records nothing when the same files come again', async () => {
    await running.close();
    const again = await timed(
      'second import (2,000 students)',
      () =>
        cairn(
          'import',
          'oulad',
          '--from',
          folder,
          '--students',
          String(Math.min(2000, chosen.size)),
        ) as unknown as typeof summary,
    );
    expect(again.newEvents).toBe(0);
  }, 600_000);
});
