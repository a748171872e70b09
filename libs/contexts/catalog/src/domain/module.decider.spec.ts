import { at, given, TENANT } from '@cairn/testing';
import { moduleIdOf, type ModuleDefinition } from '../contracts/catalog.events.js';
import { moduleDecider } from './module.decider.js';

const data: ModuleDefinition = {
  moduleId: moduleIdOf(TENANT, 'DS-101'),
  slug: 'DS-101',
  title: { en: 'Data literacy' },
  credits: 7.5,
  area: 'statistics',
  level: 1,
  passMark: 40,
};
const define = { type: 'DefineModule', data } as const;
const defined = { type: 'module-defined', data } as const;
const revise = { type: 'ReviseModule', data: { ...data, passMark: 50 } } as const;
const revised = { type: 'module-revised', data: revise.data } as const;

describe('DefineModule', () => {
  it('defines', () => given(moduleDecider).when(define, undefined).then(defined));
  it('changes nothing the second time', () => given(moduleDecider, defined).when(define, undefined).thenUnchanged());
  it('refuses a slug that names another module: it means one thing for ever', () =>
    given(moduleDecider, defined)
      .when({ ...define, data: { ...data, credits: 10 } }, undefined)
      .thenRejected('already-exists'));
  it('refuses the old content after a revision', () =>
    given(moduleDecider, defined, revised).when(define, undefined).thenRejected('already-exists'));

  it.each([
    ['an id that is not of the slug', { slug: 'DS-102' }, '/moduleId'],
    ['no title', { title: {} }, '/title'],
    ['credits with three decimals', { credits: 7.125 }, '/credits'],
  ])('refuses %s', (_what, fault, pointer) => {
    const { decision } = given(moduleDecider).when({ ...define, data: { ...data, ...fault } }, undefined);
    expect(decision).toMatchObject({ accepted: false, code: 'validation-failed', errors: [{ pointer }] });
  });
  it('takes credits that binary fractions cannot hold', () => {
    const decimal = { ...data, credits: 0.29 };
    given(moduleDecider)
      .when({ ...define, data: decimal }, undefined)
      .then({ type: 'module-defined', data: decimal });
  });
});

describe('ReviseModule', () => {
  it('revises', () =>
    given(moduleDecider, defined)
      .when(revise, undefined, { now: at('2026-01-01') })
      .then(revised));
  it('changes nothing if it says what is known', () =>
    given(moduleDecider, defined, revised).when(revise, undefined).thenUnchanged());
  it('refuses an unknown module', () => given(moduleDecider).when(revise, undefined).thenRejected('not-found'));
});
