// The worked examples over HTTP: a tenant with one example's catalog, learners who act on given days, and the complete
// set of their credentials as one line each, so that a row reads as in the product description.
import { WORLD_ZONE, type CatalogWorld, type PathwayDraft } from '@cairn/testing';
import type { Answer, Client, TestServer } from '../support/server.js';

/** A day as `2025-02-01` stands for 09:00 UTC on it. */
const instant = (day: string): string => (day.includes('T') ? day : `${day}T09:00:00Z`);
const localDay = new Intl.DateTimeFormat('sv-SE', { timeZone: WORLD_ZONE });

export type AcceptanceWorld = Awaited<ReturnType<typeof openWorld>>;
export type AcceptanceLearner = Awaited<ReturnType<AcceptanceWorld['learner']>>;

export async function openWorld(server: TestServer, slug: string, catalog: CatalogWorld, sandboxClock?: string) {
  const { client, issuer } = await server.tenant(slug, sandboxClock);
  const templates = new Map<string, string>();
  const etag = async (path: string) => ({ 'if-match': (await client.get(path)).headers['etag'] as string });

  /** Drafts the version, or redrafts a pathway that is there, and publishes it. */
  const publish = async ({ label, ...draft }: PathwayDraft): Promise<void> => {
    const path = `/api/pathways/${draft.slug}`;
    if ((await client.get(path)).status === 404) await client.post('/api/pathways', draft);
    else {
      const { slug: _slug, ...body } = draft;
      expect(await client.send('PUT', `${path}/draft`, body)).toMatchObject({ body: { outcome: 'recorded' } });
    }
    expect(await client.post(`${path}/publish`, { label }, await etag(path))).toMatchObject({ label });
  };

  for (const module of catalog.modules) await client.post('/api/modules', module);
  for (const template of catalog.templates) {
    const path = `/api/templates/${template.slug}`;
    const { id } = await client.post('/api/templates', { ...template, issuer });
    await client.post(`${path}/publish`, {}, await etag(path));
    templates.set(id as string, template.slug);
  }
  for (const pathway of catalog.pathways) await publish(pathway);
  await server.settled();

  let people = 0;
  return {
    client,
    publish,
    /** Sandbox: moves the clock; everything that falls due on the way has happened when it returns. */
    moveTo: async (to: string): Promise<void> => {
      await client.post('/api/clock', { to: instant(to) });
      await server.settled();
    },
    learner: async () => {
      people++;
      const email = `person-${people}@example.org`;
      const { id } = await client.post('/api/learners', {
        name: `Person ${people}`,
        email,
        externalIds: [{ system: 'sis', value: String(people) }],
      });
      await server.settled();
      return learnerOf(server, client, templates, id as string, String(people));
    },
  };
}

function learnerOf(
  server: TestServer,
  client: Client,
  templates: ReadonlyMap<string, string>,
  id: string,
  number: string,
) {
  /** Everything that follows from an act has happened when it returns. */
  const act = async (path: string, body: object, headers?: Record<string, string>): Promise<Answer['body']> => {
    const answer = await client.post(path, body, headers);
    await server.settled();
    return answer;
  };
  const items = async (axes = ''): Promise<Answer['body'][]> => {
    const { status, body } = await client.get(`/api/learners/${id}/wallet${axes}`);
    expect(status).toBe(200);
    return body.items as Answer['body'][];
  };
  const learner = {
    id,
    /** How other systems know the learner. */
    email: `person-${number}@example.org`,
    externalId: `sis:${number}`,
    act,
    enroll: (pathway: string, day: string, more: object = {}) =>
      act('/api/enrollments', { learner: id, pathway, occurredAt: instant(day), ...more }),
    complete: (module: string, day: string, score?: number) =>
      act(`/api/learners/${id}/complete-module`, {
        module,
        occurredAt: instant(day),
        ...(score === undefined ? {} : { score }),
      }),
    /** As a channel sends it that knows the learner by its own id. */
    completeBy: (source: string, sourceId: string, module: string, day: string) =>
      act('/api/completions', {
        learnerBy: 'external-id',
        learner: `sis:${number}`,
        module,
        occurredAt: instant(day),
        source,
        sourceId,
      }),
    /** Takes back the completion that an earlier act recorded. */
    invalidate: (completed: Answer['body'], day: string) => {
      const [completion] = (completed.events as { id: string; type: string }[]).filter(
        ({ type }) => type === 'module-completed',
      );
      const body = { completion: completion?.id, reasonCode: 'entered-in-error', occurredAt: instant(day) };
      return act(`/api/learners/${id}/invalidate-completion`, body);
    },
    withdraw: (enrollment: string, day: string) =>
      act(`/api/enrollments/${enrollment}/withdraw`, { reasonCode: 'learner-request', occurredAt: instant(day) }),
    reinstate: (enrollment: string, day: string, more: object = {}) =>
      act(`/api/enrollments/${enrollment}/reinstate`, { reasonCode: 'returned', occurredAt: instant(day), ...more }),
    /** A module or template from outside, accepted on the day. */
    credit: (what: object, day: string, more: object = {}) =>
      act(`/api/learners/${id}/credit`, {
        ref: `urn:example:${JSON.stringify(what)}:${number}:${day}`,
        ...what,
        validFrom: instant(day),
        authority: 'admissions office',
        reasonCode: 'prior-learning',
        ...more,
      }),
    recognise: (template: string, day: string) =>
      act(`/api/learners/${id}/credit`, {
        template,
        ref: `urn:example:${template}:${number}`,
        validFrom: instant(day),
        authority: 'admissions office',
        reasonCode: 'prior-learning',
      }),
    /** The public id of the newest credential of the template. */
    credential: async (template: string): Promise<string> => {
      const found = (await items()).filter((item) => templates.get(item.template as string) === template);
      return found.at(-1)?.credential as string;
    },
    revoke: async (template: string, day: string) => {
      const path = `/api/credentials/${await learner.credential(template)}`;
      const etag = (await client.get(path)).headers['etag'] as string;
      const body = { reasonCode: 'issued-in-error', authority: 'registrar', effectiveAt: instant(day) };
      return act(`${path}/revoke`, body, { 'if-match': etag });
    },
    /** The complete set, in the order of issue: `SEO/2 from 2025-11-01, revoked, flag component-revoked`. */
    credentials: async (): Promise<string[]> =>
      (await items()).map((item) =>
        [
          `${templates.get(item.template as string)}${item.occurrence === 1 ? '' : `/${item.occurrence}`} from ${localDay.format(new Date(item.validFrom as string))}`,
          ...(item.validUntil === undefined ? [] : [`until ${localDay.format(new Date(item.validUntil as string))}`]),
          ...(item.state === 'valid' ? [] : [item.state as string]),
          ...(item.flags as { cause: string }[]).map(({ cause }) => `flag ${cause}`),
        ].join(', '),
      ),
    /** Each term of each credential, as the worked examples say it: `BLS#2 [2026-03-10, 2028-03-10)`. */
    terms: async (axes = ''): Promise<string[]> =>
      (await items(axes)).flatMap((item) => {
        const name = `${templates.get(item.template as string)}${item.occurrence === 1 ? '' : `/${item.occurrence}`}${item.edition === 1 ? '' : ` edition ${item.edition}`}`;
        const terms = item.terms as { serial: number; validFrom: string; validUntil?: string }[];
        const states = [
          ...(item.state === 'valid' ? [] : [item.state as string]),
          ...(item.flags as { cause: string }[]).map(({ cause }) => `flag ${cause}`),
        ];
        return terms.map(({ serial, validFrom, validUntil }, index) =>
          [
            `${name}#${serial} [${localDay.format(new Date(validFrom))}, ${validUntil === undefined ? '…' : localDay.format(new Date(validUntil))})`,
            ...(index === terms.length - 1 ? states : []),
          ].join(' '),
        );
      }),
    /** The same set as register and anyone's verification give it; each decision follows again from the record. */
    verdicts: async (): Promise<string[]> => {
      const { body } = await client.get(`/api/credentials?learner=${id}`);
      const verdicts = await Promise.all(
        (body.items as { credential: string; template: string }[]).map(async ({ credential, template }) => {
          const { body: answer } = await server.as(undefined).get(`/c/${credential}.json`);
          const explained = await client.get(`/api/credentials/${credential}/explain`);
          expect(explained.body).toMatchObject({ credential, matches: true });
          return `${templates.get(template)} ${answer.status}`;
        }),
      );
      return verdicts.toSorted();
    },
  };
  return learner;
}
