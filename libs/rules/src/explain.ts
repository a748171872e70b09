// Why a requirement is met or not, node by node, in words.
import type { Instant } from '@cairn/kernel';
import { compile, type CreditsLeaf, type Node } from './compile.js';
import { attemptOf, creditAmounts, matches } from './credits.js';
import {
  ALL_DAYS,
  attemptsAt,
  bearersFor,
  entrySpans,
  nodeSpans,
  viewOf,
  waiversOf,
  type Use,
  type View,
} from './engine.js';
import { evaluateView, firstChoice } from './evaluate.js';
import { baseOf, type Entry, type FactBase } from './fact-base.js';
import { spansHold } from './spans.js';
import type { EvaluationContext, Fact, Requirement } from './types.js';
import { inWords, type Names } from './words.js';

/** Why a fact that a credits node asks for is not counted, or not in full. */
export type NotCounted =
  /** Trimmed by a cap. */
  | 'capped'
  /** Another attempt at the same thing counts. */
  | 'repeat'
  | 'aged'
  | 'below-grade'
  /** Its module counts for as many awards as it may already. */
  | 'used-up'
  /** A credential that is not valid at the instant. */
  | 'not-valid'
  /** Outside the calendar dates, the window, or the order of steps. */
  | 'outside';

export type CreditLedger = {
  readonly needed: number;
  readonly counted: number;
  readonly areas: readonly string[];
  /** Every fact up to the instant that the node asks for, oldest first. */
  readonly items: readonly {
    readonly ref: string;
    readonly credits: number;
    readonly counted: number;
    readonly why?: NotCounted;
  }[];
};

export type ExplainedNode = {
  readonly requirementId: string;
  readonly words: string;
  /** At some instant up to the one asked about, the first being `since`, by these facts; taken by itself. */
  readonly met: boolean;
  readonly since?: Instant;
  readonly by: readonly string[];
  /** At the very instant asked about. */
  readonly holds: boolean;
  /** The decision about the whole rests on it. */
  readonly counted: boolean;
  readonly waived: boolean;
  /** For credits: the sum at the instant asked about. */
  readonly credits?: CreditLedger;
  readonly children: readonly ExplainedNode[];
};

/** The tree of a requirement with what each node rests on. */
export function explain(
  requirement: Requirement,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: EvaluationContext & { readonly names?: Names },
): ExplainedNode {
  const compiled = compile(requirement);
  const view = viewOf(baseOf(facts), context);
  const ms = Date.parse(at);
  const uses = firstChoice(compiled, view, ms, context.during)?.uses ?? [];
  const taken = new Set(uses.map(({ node }) => node));
  const counts = (node: Node): boolean => taken.has(node) || (node.kind === 'group' && node.children.some(counts));
  const explainNode = (node: Node): ExplainedNode => {
    const own = node === compiled.root ? compiled : { root: node, contended: compiled.contended };
    const { met, since, by } = evaluateView(own, view, at, context.during);
    return {
      requirementId: node.id,
      words: inWords(node.source, context.names),
      met,
      ...(since === undefined ? {} : { since }),
      by,
      holds: spansHold(nodeSpans(node, view), ms),
      counted: counts(node),
      waived: isWaived(node, uses, view, ms),
      ...(node.kind === 'credits' ? { credits: ledger(node, view, ms) } : {}),
      children: node.kind === 'group' ? node.children.map(explainNode) : [],
    };
  };
  return explainNode(compiled.root);
}

function isWaived(node: Node, uses: readonly Use[], view: View, at: number): boolean {
  const use = uses.find((one) => one.node === node);
  if (use) return use.entry.fact.kind === 'waiver';
  return waiversOf(node, view).some(({ spans }) => spansHold(spans, at));
}

function ledger(leaf: CreditsLeaf, view: View, at: number): CreditLedger {
  const attempts = attemptsAt(leaf, at, view, ALL_DAYS);
  const { total, each } = creditAmounts(leaf, attempts);
  const counted = new Map(attempts.map((attempt) => [attempt.entry, attempt]));
  const items = bearersFor(leaf, view.base)
    .filter((entry) => matches(leaf.from, entry) && entry.from <= at)
    .flatMap((entry) => {
      const attempt = counted.get(entry) ?? attemptOf(leaf, entry, []);
      if (!attempt) return [];
      const amount = each.get(entry) ?? 0;
      const why = counted.has(entry)
        ? !each.has(entry)
          ? 'repeat'
          : amount < attempt.credits
            ? 'capped'
            : undefined
        : reason(leaf, entry, view, at);
      return [
        {
          ref: entry.ref,
          credits: attempt.credits / 100,
          counted: amount / 100,
          ...(why === undefined ? {} : { why }),
        },
      ];
    });
  const areas = new Set([...each.keys()].flatMap((entry) => counted.get(entry)?.area ?? []));
  return { needed: leaf.min / 100, counted: total / 100, areas: [...areas].toSorted(), items };
}

function reason(leaf: CreditsLeaf, entry: Entry, view: View, at: number): NotCounted {
  const { minGrade: _grade, uses: _uses, ...anyGrade } = leaf;
  const counts = (as: CreditsLeaf): boolean => spansHold(entrySpans(as, entry, view, ALL_DAYS), at);
  const fact = entry.fact;
  if (fact.kind === 'credential' && !spansHold(entry.spans, at)) return 'not-valid';
  if (leaf.minGrade !== undefined && counts({ ...anyGrade, ...(leaf.uses ? { uses: leaf.uses } : {}) }))
    return 'below-grade';
  if (leaf.uses && counts(leaf.minGrade === undefined ? anyGrade : { ...anyGrade, minGrade: leaf.minGrade }))
    return 'used-up';
  if (leaf.maxAges.length > 0 && counts({ ...leaf, maxAges: [] })) return 'aged';
  return 'outside';
}
