// A small data set in the shape of the Open University's tables, the same for the same seed: several attempts, repeats,
// withdrawals, banked credit, distinctions, so that an import uses every command it has.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Random = () => number;

const MODULES = ['AAA', 'BBB', 'CCC'];
const PRESENTATIONS = ['2013J', '2014B'];
const KINDS = ['TMA', 'TMA', 'CMA'];

/** Writes the five tables. */
export function writeOuladTables(folder: string, students: number, random: Random): void {
  const courses: (string | number)[][] = [];
  const assessments: (string | number)[][] = [];
  const registrations: (string | number)[][] = [];
  const results: (string | number)[][] = [];
  const submissions: (string | number)[][] = [];
  const idOf = (course: number, index: number): number => 1_000 + course * 10 + index;

  for (const [m, module] of MODULES.entries())
    for (const [p, presentation] of PRESENTATIONS.entries()) {
      courses.push([module, presentation, 240]);
      for (const [index, kind] of KINDS.entries())
        assessments.push([module, presentation, idOf(m * 2 + p, index), kind, 30 + 60 * index, 20]);
    }
  const attempt = (student: number, m: number, p: number, repeat: boolean): void => {
    const [module, presentation] = [MODULES[m] as string, PRESENTATIONS[p] as string];
    const luck = random();
    const result = luck < 0.15 ? 'Withdrawn' : luck < 0.3 ? 'Fail' : luck < 0.8 ? 'Pass' : 'Distinction';
    registrations.push([module, presentation, student, -20, result === 'Withdrawn' ? 100 : '?']);
    results.push([module, presentation, student, repeat ? 1 : 0, result]);
    for (const index of KINDS.keys()) {
      if (random() < 0.1) continue;
      const banked = repeat && index === 0 ? 1 : 0;
      const day = banked ? -1 : 25 + 60 * index + Math.floor(random() * 8);
      submissions.push([idOf(m * 2 + p, index), student, day, banked, 30 + Math.floor(random() * 71)]);
    }
    if ((result === 'Fail' || result === 'Withdrawn') && p === 0) attempt(student, m, 1, true);
  };
  for (let index = 0; index < students; index++) {
    const from = Math.floor(random() * MODULES.length);
    const many = 1 + Math.floor(random() * MODULES.length);
    for (let next = 0; next < many; next++)
      attempt(100_000 + index, (from + next) % MODULES.length, random() < 0.6 ? 0 : 1, false);
  }
  const table = (file: string, header: string, rows: readonly (readonly (string | number)[])[]): void =>
    writeFileSync(join(folder, file), `${[header, ...rows.map((row) => row.join(','))].join('\n')}\n`);
  table('courses.csv', 'code_module,code_presentation,module_presentation_length', courses);
  table('assessments.csv', 'code_module,code_presentation,id_assessment,assessment_type,date,weight', assessments);
  table(
    'studentRegistration.csv',
    'code_module,code_presentation,id_student,date_registration,date_unregistration',
    registrations,
  );
  table('studentInfo.csv', 'code_module,code_presentation,id_student,num_of_prev_attempts,final_result', results);
  table('studentAssessment.csv', 'id_assessment,id_student,date_submitted,is_banked,score', submissions);
}
