// What to look at in a filled installation: found through the API, so that a kept folder shows the same as a new one.
import { SCOPES } from './university.mjs';

const WIDTH = 100;
/** Without a right side: long addresses stay in one piece however wide the window is. */
const box = (rows) =>
  [`┌${'─'.repeat(WIDTH)}`, ...rows.map((row) => `│ ${row}`.trimEnd()), `└${'─'.repeat(WIDTH)}`].join('\n');

/** Addresses, a key, commands to paste, and the text that shows them. */
export async function describeDemo(operator, apiWith, url, { tenant, erased, years }) {
  const { key } = await operator.post(`/api/tenants/${tenant}/api-keys`, { name: 'demo', scopes: SCOPES });
  const api = apiWith(key);
  const credentials = async (query) => (await api.get(`/api/credentials?${query}`)).items;
  const certificates = await credentials('template=DMC&limit=200');
  const whole = certificates.find(({ flags }) => flags.length === 0);
  const flagged = certificates.find(({ flags }) => flags.length > 0);
  const [revoked] = await credentials('state=revoked&limit=1');
  const [stack] = await credentials('template=STACK&limit=1');
  const page = async (kind, subject) => (await api.post('/api/page-links', { page: kind, subject, hours: 72 })).url;
  // Somebody who can still earn something: the last command below makes a credential.
  const { id: newcomer } = await api.post(
    '/api/learners',
    { name: 'Ada N.', email: 'ada@example.org' },
    { 'idempotency-key': 'demo-newcomer' },
  );
  await api.post(
    '/api/enrollments',
    { learner: newcomer, pathway: 'digital-marketing' },
    { 'idempotency-key': 'demo-newcomer-joins' },
  );

  const places = [
    ['A valid credential, as anyone sees it', `${url}/c/${whole.credential}`],
    ['A revoked one, with the reason', `${url}/c/${revoked.credential}`],
    ['A certificate that rested on it: flagged', `${url}/c/${flagged.credential}`],
    ['One whose holder was erased: the status stays, the name is gone', `${url}/c/${erased}`],
    ['A renewed one: its second term', `${url}/c/${years.renewed}`],
    ['One that is suspended, because what it rests on has lapsed', `${url}/c/${years.suspended}`],
    ['One revoked by mistake, restored by undoing that run: the page leads on', `${url}/c/${years.restored}`],
    ['One earned when two records turned out to be one person', `${url}/c/${years.merged}`],
    ['Why I hold this (for the learner)', await page('why', stack.credential)],
    ['Funnel of the pathway “Data skills”', await page('funnel', 'data-skills')],
    ['Trail of one learner: every event', await page('trail', stack.learner)],
    ['The API, to read and to try', `${url}/docs`],
    ['Its OpenAPI document', `${url}/openapi.json`],
    ['The feed of public events (with the key)', `${url}/api/events`],
  ];
  const bearer = `-H 'Authorization: Bearer ${key}'`;
  const commands = [
    [
      'Where do learners drop off?',
      `curl -s ${bearer} '${url}/api/analytics/pathways/data-skills/funnel?order=in-order'`,
    ],
    ['Follow what happens, from the first event', `curl -s ${bearer} '${url}/api/events?limit=3'`],
    [
      'A module is completed, a credential is earned',
      `curl -s ${bearer} -H 'Content-Type: application/json' -H 'Idempotency-Key: demo-first' ` +
        `-d '{"module":"SEO-101","score":81}' '${url}/api/learners/${newcomer}/complete-module'`,
    ],
  ];
  const rows = places.flatMap(([what, address]) => [what, `  ${address}`]);
  const text = [
    box([...rows, '', 'API key with all scopes of this university', `  ${key}`]),
    '',
    ...commands.flatMap(([what, command]) => [`# ${what}`, command, '']),
  ].join('\n');
  return { text, url, key, places: places.map(([, address]) => address), api };
}
