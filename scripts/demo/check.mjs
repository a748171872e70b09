// Whether the demo holds what it prints: every address answers, and the funnel is what a recount of the feed gives.
const PAGE_LIMIT_BYTES = 25_000;

/** Faults in words; none is good. */
export async function checkDemo({ url, key, places, api }) {
  const faults = [];
  for (const address of places) {
    const headers = address.includes('/api/') ? { authorization: `Bearer ${key}` } : {};
    const answer = await fetch(address, { headers });
    const text = await answer.text();
    if (!answer.ok) faults.push(`${address} answers ${answer.status}`);
    else if (text.length === 0) faults.push(`${address} answers with nothing`);
    else if (/\/(c|pages)\//.test(address) && Buffer.byteLength(text) > PAGE_LIMIT_BYTES)
      faults.push(`${address} has ${Buffer.byteLength(text)} bytes, more than ${PAGE_LIMIT_BYTES}`);
  }
  for (const pathway of ['data-skills', 'digital-marketing']) {
    const funnel = await api.get(`/api/analytics/pathways/${pathway}/funnel?order=any`);
    const { id } = await api.get(`/api/pathways/${pathway}`);
    const { rules } = await api.get(`/api/pathways/${pathway}/versions/${funnel.version}`);
    const counted = recount(await feed(url, key), id, rules);
    const told = {
      enrolled: funnel.enrolled,
      steps: funnel.steps.map(({ id: step, reached, satisfied }) => ({ step, reached, satisfied })),
    };
    if (JSON.stringify(counted) !== JSON.stringify(told))
      faults.push(`funnel of ${pathway}: told ${JSON.stringify(told)}, counted ${JSON.stringify(counted)}`);
  }
  return faults;
}

/** All public events, page by page. */
async function feed(url, key) {
  const all = [];
  for (let after = ''; ;) {
    const answer = await fetch(
      `${url}/api/events?limit=1000${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`,
      {
        headers: { authorization: `Bearer ${key}` },
      },
    );
    const events = await answer.json();
    all.push(...events);
    if (events.length === 0) return all;
    after = answer.headers.get('position');
  }
}

/**
 * Any order: a step is satisfied if an enrollment satisfied it and it was not re-opened; reached if it was satisfied or
 * the steps before it were (`after`, else the one listed before; the first: everybody).
 */
function recount(events, pathway, rules) {
  const enrollments = new Map();
  for (const { type, data } of events) {
    if (data.pathway !== pathway) continue;
    if (type === 'cairn.enrollment.started.v1') enrollments.set(data.enrollment, new Set());
    if (type === 'cairn.step.satisfied.v1') enrollments.get(data.enrollment).add(data.step);
    if (type === 'cairn.step.reopened.v1') enrollments.get(data.enrollment).delete(data.step);
  }
  const satisfied = [...enrollments.values()];
  const steps = rules.steps.map(({ id, after }, index) => {
    const before = after ?? (index === 0 ? [] : [rules.steps[index - 1].id]);
    return {
      step: id,
      reached: satisfied.filter((met) => met.has(id) || before.every((step) => met.has(step))).length,
      satisfied: satisfied.filter((met) => met.has(id)).length,
    };
  });
  return { enrolled: enrollments.size, steps };
}
