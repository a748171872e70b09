import { invalid, reject, type Rejected } from '@cairn/kernel';
import type { RuleFault } from './references.js';

/** A slug means one thing for ever: its id derives from it. */
export const foreignId = (pointer: string, slug: string): Rejected =>
  invalid(pointer, 'not-of-slug', `The id does not derive from the slug "${slug}".`);

export const alreadyExists = (thing: string, slug: string): Rejected =>
  reject(
    'already-exists',
    `The slug "${slug}" already names a ${thing} with other content.`,
    `Revise that ${thing}, or choose another slug.`,
  );

export const draftMissing = (thing: string): Rejected =>
  reject('draft-missing', `There is no draft of this ${thing}.`, 'Write a draft first.');

/** All faults in one answer. Names that stand for nothing are told apart from faults of the rule itself. */
export const faulty = (code: 'pathway-lint-failed' | 'rule-invalid', faults: readonly RuleFault[]): Rejected =>
  reject(
    faults.every((fault) => fault.code === 'reference-unknown') ? 'reference-unknown' : code,
    faults.length === 1 ? (faults[0] as RuleFault).message : `${faults.length} faults need attention.`,
    undefined,
    faults,
  );
