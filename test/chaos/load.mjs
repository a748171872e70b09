// The load of a chaos run: clients that register learners, enroll them, complete the module, revoke some of the
// credentials, and now and then ask for what must be refused. Each request is in the journal before it is sent, its
// outcome before anything follows. A client whose request has no outcome sends it again, unchanged, or gives up.
//
//   fork('load.mjs', [journal file])
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerAsks, randomOf } from './processes.mjs';

/** A request without an answer in this time has an unknown outcome. */
const ANSWER_MS = 20_000;
const CREDENTIAL_MS = 10_000;

const [, , journalFile] = process.argv;
const journal = fork(new URL('journal.mjs', import.meta.url).pathname, [journalFile]);
const noted = new Map();
let lines = 0;
journal.on('message', ({ id }) => {
  noted.get(id)();
  noted.delete(id);
});
const note = (entry) =>
  new Promise((resolve) => {
    noted.set(++lines, resolve);
    journal.send({ id: lines, line: JSON.stringify(entry) });
  });

async function ask(url, token, method, path, body, headers = {}) {
  const answer = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await answer.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: answer.status, headers: answer.headers, body: json, text };
}

/** Sends one command, journaled; undefined if its outcome is unknown. */
async function send(url, token, { method = 'POST', path, body, key, kind, twoSteps, headers = {} }) {
  const command = { route: `${method} ${path}`, key, kind, twoSteps };
  await note({ ...command, said: 'sent' });
  try {
    const answer = await ask(url, token, method, path, body, { ...headers, 'idempotency-key': key });
    const { status } = answer;
    const said = status < 300 ? 'ok' : status < 500 ? 'failed' : 'unknown';
    await note({
      ...command,
      said,
      status,
      ...(said === 'ok'
        ? { events: (answer.body.events ?? []).map(({ id }) => id), revision: answer.body.revision }
        : { code: answer.body?.code ?? answer.text.slice(0, 200) }),
    });
    return said === 'unknown' ? undefined : answer;
  } catch (error) {
    await note({ ...command, said: 'unknown', code: String(error.cause?.code ?? error.name) });
    return undefined;
  }
}

answerAsks({
  /** Requests of a scenario's own, all at once, each to the next of the addresses; one status or null for each. */
  send: async ({ urls, token, requests }) => {
    const answers = await Promise.all(requests.map((request, n) => send(urls[n % urls.length], token, request)));
    return answers.map((answer) => answer && { status: answer.status, body: answer.body });
  },
  /** `clients` at once until `learners` were served; what anyone saw that must not be is in `broken`. */
  run: async ({ urls, token, seed, prefix, learners, clients, patienceMs }) => {
    const broken = [];
    const counts = { sent: 0, ok: 0, failed: 0, unknown: 0 };
    const began = performance.now();
    let next = 0;

    async function serve(n) {
      const random = randomOf(seed * 7_919 + n);
      const url = () => urls[Math.floor(random() * urls.length)];
      /** Until it has an outcome, or the client gives up. */
      const insist = async (request) => {
        const givesUp = random() < 0.1;
        for (;;) {
          counts.sent++;
          const answer = await send(url(), token, request);
          if (answer) {
            counts[answer.status < 300 ? 'ok' : 'failed']++;
            return answer.status < 300 ? answer.body : undefined;
          }
          counts.unknown++;
          if (givesUp || performance.now() - began > patienceMs) return undefined;
          await sleep(20 + random() * 100);
        }
      };
      const name = `Canary-${prefix}-${n}`;
      const key = (kind) => `${prefix}-${n}-${kind}`;
      const learner = (
        await insist({
          path: '/api/learners',
          kind: 'register',
          key: key('register'),
          body: { name, email: `${name.toLowerCase()}@example.org` },
        })
      )?.id;
      if (learner === undefined) return;
      const enrollment = (
        await insist({
          path: '/api/enrollments',
          kind: 'enroll',
          key: key('enroll'),
          body: { learner, pathway: 'seo', occurredAt: '2026-01-10T09:00:00Z' },
        })
      )?.id;
      if (random() < 0.2)
        await insist({
          path: `/api/learners/${learner}/complete-module`,
          kind: 'refused',
          key: key('refused'),
          body: { module: 'NO-SUCH-MODULE', score: 81, occurredAt: '2026-02-01T09:00:00Z' },
        });
      if (enrollment === undefined) return;
      const completed = await insist({
        path: `/api/enrollments/${enrollment}/complete-module`,
        kind: 'complete',
        key: key('complete'),
        body: { module: 'SEO', score: 81, occurredAt: '2026-02-01T09:00:00Z' },
      });
      if (!completed || random() < 0.6) return;
      const credential = await issued(learner, url);
      const etag =
        credential && (await ask(url(), token, 'GET', `/api/credentials/${credential}`).catch(() => undefined));
      if (etag?.status !== 200) return;
      const revoked = await insist({
        path: `/api/credentials/${credential}/revoke`,
        kind: 'revoke',
        key: key('revoke'),
        body: { reasonCode: 'issued-in-error', authority: 'registrar' },
        headers: { 'if-match': etag.headers.get('etag') },
      });
      if (!revoked) return;
      // R9: from the acknowledgement on.
      const seen = await ask(url(), token, 'GET', `/c/${credential}.json`).catch(() => undefined);
      if (seen?.body?.status === 'valid')
        broken.push(`R9: ${credential} was told valid after its revocation was acknowledged`);
    }

    async function issued(learner, url) {
      for (const since = performance.now(); performance.now() - since < CREDENTIAL_MS;) {
        const answer = await ask(url(), token, 'GET', `/api/credentials?learner=${learner}`).catch(() => undefined);
        const [item] = (answer?.status === 200 && answer.body.items) || [];
        if (item) return item.credential;
        await sleep(50);
      }
      return undefined;
    }

    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (next < learners) await serve(next++);
      }),
    );
    return { ...counts, broken };
  },
});
process.channel.ref();
