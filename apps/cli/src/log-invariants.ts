// The invariants D1–D11 of the domain as far as a log shows them, over its decoded events in their order. It shares no
// rule with the deciders: it keeps its own small books, so that a fault there is seen here.
import {
  categoryOf,
  parseStream,
  type EventDefinition,
  type Json,
  type Recorded,
  type StoredEvent,
} from '@cairn/kernel';
import { findStackingCycle, joinEdges, stackingEdgesOf, type PathwayEvent } from '@cairn/contexts/catalog';
import type { CredentialEvent, StatusListEvent } from '@cairn/contexts/credentials';
import type { RecordEvent } from '@cairn/contexts/progress';

export type LogFault = {
  /** `D1` … `D11` of the domain's invariants; `R3`, `decode` and `U3` are the verification's own. */
  readonly invariant: string;
  readonly stream: string;
  readonly revision: number;
  readonly event: string;
  readonly detail: string;
};
export type EventPlace = { readonly stream: string; readonly revision: number; readonly id: string };
export type ReportFault = (invariant: string, event: EventPlace, detail: string) => void;

/** A credential of the log by its last events. */
export type CredentialInLog = {
  readonly credentialId: string;
  readonly tenant: string;
  readonly issued: boolean;
  /** `revoked` and `superseded` are for good; `suspended` while a hold of that kind is open. */
  readonly state: 'revoked' | 'superseded' | 'barred' | 'suspended' | 'held-good';
  readonly place: EventPlace;
};

export type LogInvariants = {
  /** Every event as stored, before it is decoded. */
  readonly stored: (event: StoredEvent) => void;
  /** Every event that could be decoded, in the log's order. */
  readonly decoded: (event: Recorded) => void;
  /** After the last one, if everything that follows from the log has been recorded in it: what should have followed did. */
  readonly settled: () => void;
  /** Every credential that was issued, or barred from it. */
  readonly credentials: () => readonly CredentialInLog[];
};

type Earned = {
  readonly credentialId: string;
  readonly award: string;
  readonly place: EventPlace;
  withdrawnAt?: EventPlace;
};
type Note = { readonly componentId: string; readonly validFrom: string; validUntil?: string };
type CredentialBook = {
  readonly tenant: string;
  place: EventPlace;
  serial: number;
  readonly ends: Map<number, string | undefined>;
  expired: number;
  revoked?: true;
  superseded?: true;
  barred?: true;
  readonly flags: Set<string>;
  readonly suspensions: Set<string>;
};
type Policy = { readonly place: EventPlace; readonly effect: 'flag' | 'suspend' | 'revoke' | 'lift' };

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Checks that fault by fault call `report`. Fed with every event of a log in its order. */
export function createLogInvariants(
  definitions: ReadonlyMap<string, EventDefinition>,
  report: ReportFault,
): LogInvariants {
  /** Of every event that decisions rest on: when it was true, what it rests on itself. */
  const facts = new Map<string, { readonly at: readonly string[]; readonly by: readonly string[] }>();
  /** Facts that count no more: a completion by its invalidation, a step by its being re-opened. */
  const takenBack = new Map<string, string>();
  const earned = new Map<string, Earned>();
  const awards = new Map<string, string>();
  const renewals = new Map<string, { readonly credentialId: string; readonly serial: number }>();
  const books = new Map<string, CredentialBook>();
  const issuedAwards = new Map<string, string>();
  const policies = new Map<string, Map<string, Policy>>();
  const revokedNotes = new Set<string>();
  const notes = new Map<string, Note>();
  const notesOf = new Map<string, Note[]>();
  const versions = new Map<string, string>();
  const pinned = new Map<string, { readonly version: string; readonly rulesHash: string }>();
  const edges: ReturnType<typeof stackingEdgesOf>[] = [];
  const restsOn = new Map<string, readonly string[]>();
  const leased = new Map<string, number>();
  const sizes = new Map<string, number>();
  const entries = new Map<string, Set<string>>();
  const owners = new Map<string, string>();
  const seenTenants = new Set<string>();

  function record(event: Recorded<RecordEvent>): void {
    const { type, data } = event;
    switch (type) {
      case 'learner-enrolled':
      case 'enrollment-moved-to-version': {
        const { enrollmentId, pathwayId, version } = data.enrollment;
        const name = `${pathwayId} ${version}`;
        if (versions.get(name) !== data.rulesHash)
          report('D7', event, 'the pinned hash is not that of the published version');
        pinned.set(enrollmentId, { version: name, rulesHash: data.rulesHash });
        break;
      }
      case 'module-completion-invalidated':
        takenBack.set(data.completion, 'it was invalidated');
        break;
      case 'step-reopened':
        takenBack.set(data.undoes, 'it was re-opened');
        break;
      case 'requirement-waiver-withdrawn':
        takenBack.set(data.waiver, 'it was withdrawn');
        break;
      case 'step-satisfied':
        restsOnStanding(event, data.by);
        facts.set(event.id, { at: [data.at], by: data.by });
        break;
      case 'credential-earned':
      case 'credential-granted': {
        const award = `${data.learnerId} ${data.templateId} ${data.occurrence} ${data.edition}`;
        const before = awards.get(award);
        if (before !== undefined) report('D1', event, `this award was decided before, by event ${before}`);
        awards.set(award, event.id);
        earned.set(event.id, { credentialId: data.credentialId, award, place: placeOf(event) });
        const by = data.satisfied.flatMap((met) => met.by);
        restsOnStanding(event, by);
        const pin = data.enrollment && pinned.get(data.enrollment.enrollmentId);
        if (type === 'credential-earned' && pin && data.rulesHash !== pin.rulesHash)
          report('D7', event, 'it was decided by other rules than those that the enrollment is pinned to');
        stacks(event, data, by);
        break;
      }
      case 'renewal-earned':
        renewals.set(event.id, { credentialId: data.credentialId, serial: data.serial });
        restsOnStanding(
          event,
          data.satisfied.flatMap((met) => met.by),
        );
        break;
      case 'credential-entitlement-withdrawn': {
        const was = earned.get(data.earned);
        if (!was) report('D2', event, 'it takes back an entitlement that was never there');
        else was.withdrawnAt = placeOf(event);
        break;
      }
      case 'component-policy-applied': {
        const holds = policies.get(data.credentialId) ?? new Map<string, Policy>();
        policies.set(data.credentialId, holds);
        holds.set(data.hold, { place: placeOf(event), effect: data.effect });
        break;
      }
      case 'stack-component-credited': {
        if (data.origin === 'own' && !books.get(data.componentId)?.serial)
          report('D8', event, 'an own credential was noted before it was issued');
        const note: Note = {
          componentId: data.componentId,
          validFrom: data.validFrom,
          ...(data.validUntil === undefined ? {} : { validUntil: data.validUntil }),
        };
        notes.set(event.id, note);
        const others = notesOf.get(data.componentId) ?? [];
        notesOf.set(data.componentId, [...others, note]);
        break;
      }
      case 'stack-component-withdrawn':
        if (data.cause === 'revoked') revokedNotes.add(data.componentId);
        else
          for (const note of notesOf.get(data.componentId) ?? [])
            if (note.validUntil === undefined || note.validUntil > data.effectiveAt) note.validUntil = data.effectiveAt;
        break;
      default:
    }
    // A version that an enrollment was not pinned to shows a change that no event made.
    if ('enrollment' in data && data.enrollment) {
      const { enrollmentId, pathwayId, version } = data.enrollment;
      const pin = pinned.get(enrollmentId);
      if (pin && pin.version !== `${pathwayId} ${version}`)
        report('D7', event, `it speaks of version ${version}, to which no event moved enrollment ${enrollmentId}`);
    }
  }

  /** D2: what a decision names as its grounds is in the log before it, and stands. */
  function restsOnStanding(event: Recorded<RecordEvent>, by: readonly string[]): void {
    for (const ref of by) {
      const gone = takenBack.get(ref);
      if (!facts.has(ref)) report('D2', event, `it rests on event ${ref}, which is not in the log before it`);
      else if (gone !== undefined) report('D2', event, `it rests on event ${ref}, but ${gone}`);
    }
  }

  /** D8: every component was noted, is there once, and was valid when one of the facts behind the award was true. */
  function stacks(
    event: Recorded<RecordEvent>,
    award: Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' }>['data'],
    by: readonly string[],
  ): void {
    const instants = new Set<string>([award.at, award.from]);
    const visited = new Set<string>();
    const visit = (ref: string): void => {
      if (visited.has(ref)) return;
      visited.add(ref);
      const fact = facts.get(ref);
      for (const at of fact?.at ?? []) instants.add(at);
      fact?.by.forEach(visit);
    };
    by.forEach(visit);
    const once = new Set<string>();
    for (const { componentId, ref } of award.components) {
      if (once.has(componentId)) report('D8', event, `component ${componentId} is in it twice`);
      once.add(componentId);
      const note = notes.get(ref);
      if (note?.componentId !== componentId) {
        report('D8', event, `component ${componentId} rests on event ${ref}, which does not note it`);
        continue;
      }
      if (revokedNotes.has(componentId)) report('D8', event, `component ${componentId} was known to be revoked`);
      const { validFrom, validUntil } = note;
      if (![...instants].some((at) => validFrom <= at && (validUntil === undefined || at < validUntil)))
        report('D8', event, `component ${componentId} was not valid when it was counted`);
    }
  }

  function credential(event: Recorded<CredentialEvent>): void {
    const { type, data } = event;
    const id = data.credentialId;
    const book = bookOf(id, event);
    const over = endOf(book);
    // A revoked one may be replaced: its page then leads on to the next edition.
    if (over !== undefined && !(type === 'credential-superseded' && book.revoked && !book.superseded))
      report('D4', event, `${type} comes after it was ${over}`);
    book.place = placeOf(event);
    switch (type) {
      case 'credential-issued': {
        const { basis, status, components, learnerId, templateId, occurrence, edition } = data;
        const award = `${learnerId} ${templateId} ${occurrence} ${edition}`;
        const before = issuedAwards.get(award);
        if (book.serial > 0 || before !== undefined) report('D1', event, 'the award was issued before');
        issuedAwards.set(award, id);
        book.serial = 1;
        book.ends.set(1, data.validUntil);
        const basedOn = earned.get(basis.eventId);
        if (basedOn?.credentialId !== id) report('D2', event, 'no earning event entitles to it');
        else if (basedOn.place.stream !== basis.stream || basedOn.place.revision !== basis.revision)
          report('D2', event, 'its earning event stands elsewhere than it says');
        else if (basedOn.award !== award) report('D2', event, 'it is another award than the one that was earned');
        restsOn.set(
          id,
          components.map(({ componentId }) => componentId),
        );
        if (new Set(restsOn.get(id)).size < components.length) report('D8', event, 'a component is in it twice');
        const used = entries.get(status.listId) ?? new Set<string>();
        entries.set(status.listId, used);
        if (used.has(status.index)) report('D6', event, `status entry ${status.listId} ${status.index} is used twice`);
        used.add(status.index);
        if (Number(status.index) >= (sizes.get(status.listId) ?? 0))
          report('D6', event, `list ${status.listId} has no entry ${status.index}`);
        else if (used.size > (leased.get(status.listId) ?? 0))
          report('D6', event, `more entries of list ${status.listId} are used than were leased`);
        break;
      }
      case 'credential-renewed': {
        const entitled = renewals.get(data.basis.eventId);
        if (entitled?.credentialId !== id || entitled.serial !== data.serial)
          report('D2', event, 'no renewal entitles to this term');
        if (data.serial !== book.serial + 1 || book.serial === 0)
          report('D4', event, `term ${data.serial} follows term ${book.serial}`);
        book.serial = data.serial;
        book.ends.set(data.serial, data.validUntil);
        break;
      }
      case 'credential-expired':
        if (book.ends.get(data.serial) !== data.validUntil) report('D4', event, 'no term of it ends then');
        if (data.serial <= book.expired) report('D4', event, `term ${data.serial} had ended before`);
        book.expired = data.serial;
        break;
      case 'credential-flagged':
      case 'credential-suspended': {
        const open = type === 'credential-flagged' ? book.flags : book.suspensions;
        if (open.has(data.hold)) report('D4', event, `hold ${data.hold} was open before`);
        open.add(data.hold);
        break;
      }
      case 'credential-unflagged':
      case 'credential-reinstated': {
        const open = type === 'credential-unflagged' ? book.flags : book.suspensions;
        if (!open.delete(data.hold)) report('D4', event, `no such hold ${data.hold} was open`);
        break;
      }
      case 'credential-revoked':
        if (book.serial === 0) report('D4', event, 'it was not issued');
        book.revoked = true;
        break;
      case 'credential-issuance-barred':
        if (book.serial > 0) report('D4', event, 'it was issued before');
        book.barred = true;
        break;
      case 'credential-superseded':
        if (!books.get(data.by)?.serial) report('D4', event, 'the edition in its place was not issued');
        book.superseded = true;
        break;
      default:
    }
  }

  function bookOf(id: string, event: Recorded): CredentialBook {
    const book = books.get(id) ?? {
      tenant: event.meta.tenant,
      place: placeOf(event),
      serial: 0,
      ends: new Map<number, string | undefined>(),
      expired: 0,
      flags: new Set<string>(),
      suspensions: new Set<string>(),
    };
    books.set(id, book);
    return book;
  }

  function pathway(event: Recorded<PathwayEvent>): void {
    if (event.type !== 'pathway-version-published') return;
    const { pathwayId, version, hash, rules } = event.data;
    const name = `${pathwayId} ${version}`;
    if (versions.has(name)) report('D7', event, `version ${version} was published before`);
    versions.set(name, hash);
    edges.push(stackingEdgesOf(rules));
    const cycle = findStackingCycle(joinEdges(edges));
    if (cycle) report('D9', event, `templates rest on each other in a circle: ${cycle.join(', ')}`);
  }

  function statusList(event: Recorded<StatusListEvent>): void {
    if (event.type === 'status-list-opened') sizes.set(event.data.listId, event.data.size);
    if (event.type !== 'status-block-leased') return;
    const { listId, from, to } = event.data;
    const next = leased.get(listId) ?? 0;
    if (from !== next) report('D6', event, `a block begins at ${from} instead of ${next}`);
    if (to > (sizes.get(listId) ?? 0)) report('D6', event, `a block ends at ${to}, beyond the list`);
    leased.set(listId, to);
  }

  return {
    stored: (event) => {
      // D10: an id that made a stream belongs to that stream's tenant; no event of another one may name it.
      const { tenant, id } = parseStream(event.stream);
      if (tenant !== '0') seenTenants.add(tenant);
      if (event.revision === 0 && tenant !== '0') for (const [found] of id.matchAll(UUID)) owners.set(found, tenant);
      if (seenTenants.size > 1)
        for (const [found] of JSON.stringify(event.data).matchAll(UUID)) {
          const owner = owners.get(found);
          if (owner !== undefined && owner !== tenant && tenant !== '0')
            report('D10', event, `it names ${found}, which is another tenant's`);
        }
      // D11: what a definition calls personal lies sealed.
      for (const field of definitions.get(event.type)?.personal ?? []) {
        const value = event.data[field];
        if (value !== undefined && !isSealed(value)) report('D11', event, `${field} lies in the clear`);
      }
    },
    decoded: (event) => {
      switch (categoryOf(event.stream)) {
        case 'record':
          facts.set(event.id, { at: [event.meta.occurredAt], by: [] });
          return record(event as Recorded<RecordEvent>);
        case 'credential':
          return credential(event as Recorded<CredentialEvent>);
        case 'pathway':
          return pathway(event as Recorded<PathwayEvent>);
        case 'statuslist':
          return statusList(event as Recorded<StatusListEvent>);
        default:
      }
    },
    settled: () => {
      // D3: an entitlement or component that lapsed between check and issue is made good by the policy that applies.
      for (const [id, holds] of policies) {
        const book = books.get(id);
        if (book && endOf(book) !== undefined) continue;
        for (const [hold, { place, effect }] of holds) {
          const open = book?.flags.has(hold) || book?.suspensions.has(hold);
          if (effect === 'revoke') report('D3', place, `credential ${id} was to be revoked, and was not`);
          else if (effect === 'lift' ? open : !open)
            report(
              'D3',
              place,
              `hold ${hold} of credential ${id} was to be ${effect === 'lift' ? 'lifted' : 'put on it'}, and was not`,
            );
        }
      }
      // D9, once more, over what was issued: no credential rests on itself through others.
      const cycle = findStackingCycle(new Map([...restsOn].map(([id, needed]) => [id, new Set(needed)])));
      const place = cycle?.[0] === undefined ? undefined : books.get(cycle[0])?.place;
      if (cycle && place) report('D9', place, `credentials rest on each other in a circle: ${cycle.join(', ')}`);
    },
    credentials: () =>
      [...books].map(([credentialId, book]) => ({
        credentialId,
        tenant: book.tenant,
        issued: book.serial > 0,
        state: endOf(book) ?? (book.suspensions.size > 0 ? 'suspended' : 'held-good'),
        place: book.place,
      })),
  };
}

/** As the cipher leaves it: `{alg, iv, data}`, nothing readable. */
const isSealed = (value: Json): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).toSorted().join() === 'alg,data,iv' &&
  Object.values(value).every((member) => typeof member === 'string' && /^[\w-]+$/.test(member));

const placeOf = ({ stream, revision, id }: Recorded): EventPlace => ({ stream, revision, id });

function endOf({ superseded, revoked, barred }: CredentialBook): 'superseded' | 'revoked' | 'barred' | undefined {
  if (superseded) return 'superseded';
  if (revoked) return 'revoked';
  return barred ? 'barred' : undefined;
}
