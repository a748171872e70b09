// Why not renewed yet: of what an enrollment's awards hold, when the next term can be had and what is missing for it.
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import { publicId, type Instant } from '@cairn/kernel';
import { factInWords, inWords, mapGet, renewalWindow, whyNotYet } from '@cairn/rules';
import { lastTerm } from './awards.js';
import type { HoldingState, RecordState } from './record.types.js';
import { factsToRenew, renewableBy, requirementOf, termBefore } from './renewing.js';
import type { Version } from './version.js';
import { missingIn, type CatalogWords, type MissingRequirement } from './why-not.js';

export type RenewalStanding = {
  /** Public ids. */
  readonly credential: string;
  readonly template: string;
  /** The term that ends; the next one would have the serial after it. */
  readonly term: { readonly serial: number; readonly from: Instant; readonly until: Instant };
  /** Facts and decisions count in `[opens, closes)`; before the end of the term the next one follows without a gap. */
  readonly opens: Instant;
  readonly closes: Instant;
  /**
   * `taken-back`: the next term was there and is suspended, until facts within the window or a person's decision bring it
   * back. `over`: too late, it must be earned again.
   */
  readonly state: 'not-open' | 'open' | 'grace' | 'over' | 'taken-back';
  /** The whole requirement in words. */
  readonly text: string;
  /** As of now, or of the opening: before it nothing counts. */
  readonly missing: readonly MissingRequirement[];
  readonly route?: readonly string[];
};

/** Of each template that the enrollment's version awards and the learner holds with a renewal; `zoneOf`: of its days. */
export function whyNotRenewed(
  state: RecordState,
  { awards }: Version,
  templateOf: (holding: HoldingState) => PublishedTemplate | undefined,
  zoneOf: (holding: HoldingState) => string,
  now: Instant,
  { names, modules }: CatalogWords,
): readonly RenewalStanding[] {
  return [...new Set(awards.map(({ template }) => template))].flatMap((templateId) => {
    const holding = mapGet(state.holdings, templateId as HoldingState['data']['templateId']);
    const published = holding && templateOf(holding);
    const template = published && renewableBy(published, holding);
    if (!template) return [];
    const { data, renewals } = holding;
    const taken = renewals.find(({ withdrawn }) => withdrawn !== undefined);
    const { serial, from, until } = taken ? termBefore(holding, taken.data.serial) : lastTerm(holding);
    if (until === undefined) return [];
    const zone = zoneOf(holding);
    const { opens, closes } = renewalWindow(until, template.renewal, zone);
    const window = { from: opens, until: closes };
    const requirement = requirementOf(template);
    const why = whyNotYet(requirement, factsToRenew(state, holding, taken?.data.serial), now < opens ? opens : now, {
      zone,
      window,
      during: [window],
      modules,
    });
    const { route } = why;
    return [
      {
        credential: publicId('crd', data.credentialId),
        template: publicId('tpl', data.templateId),
        term: { serial, from, until },
        opens,
        closes,
        state: taken
          ? 'taken-back'
          : now < opens
            ? 'not-open'
            : now < until
              ? 'open'
              : now < closes
                ? ('grace' as const)
                : 'over',
        text: inWords(requirement, names),
        missing: missingIn(why.nodes, names),
        ...(route ? { route: route.map((fact) => factInWords(fact, names)) } : {}),
      },
    ];
  });
}
