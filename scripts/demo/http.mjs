// A small client of the public HTTP API.
let requests = 0;

/** How many requests have been sent by this process. */
export const requestCount = () => requests;

export function createApi(url, token) {
  const request = async (method, path, body, headers = {}) => {
    requests++;
    const answer = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 2_000)}`);
    return { text, headers: answer.headers };
  };
  const json = async (...what) => {
    const { text, headers } = await request(...what);
    return { body: JSON.parse(text), headers };
  };
  return {
    get: async (path) => (await json('GET', path)).body,
    /** Body and headers. */
    read: (path) => json('GET', path),
    post: async (path, body = {}, headers) => (await json('POST', path, body, headers)).body,
    /** For acts that must name the state they were decided on. */
    postIfMatch: async (path, of, body) => {
      const { headers } = await request('GET', of);
      return (await json('POST', path, body, { 'if-match': headers.get('etag') })).body;
    },
    /** For acts on many, which answer line by line. */
    lines: async (path, body) => {
      const { text } = await request('POST', path, body);
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    },
  };
}
