// The trail of one learner, credential or actor: every recorded event in the log's order.
import { renderPage } from './layout.js';
import { time } from './words.js';

export type TrailView = {
  readonly heading: string;
  /** Id of whom or what the trail is about. */
  readonly subject: string;
  readonly items: readonly {
    readonly id: string;
    readonly what: string;
    readonly type: string;
    readonly occurredAt: string;
    readonly recordedAt: string;
    readonly actor: string;
    readonly stream: string;
    readonly revision: number;
  }[];
  readonly position: string;
  /** Link to the next page, if there is one. */
  readonly next?: string;
};

export function trailPage(view: TrailView): string {
  return renderPage({
    title: view.heading,
    kind: 'audit trail',
    wide: true,
    footer: (
      <p>
        Complete up to log position <span className="mono">{view.position}</span>. Nothing in the log is ever changed or
        deleted.
      </p>
    ),
    children: (
      <section aria-labelledby="trail">
        <h1 id="trail">{view.heading}</h1>
        <p className="soft mono">{view.subject}</p>
        {view.items.length === 0 ? (
          <p>Nothing is recorded.</p>
        ) : (
          <ol className="timeline">
            {view.items.map((item) => (
              <li key={item.id}>
                <strong>{item.what}</strong>
                <div className="soft">
                  <time dateTime={item.occurredAt}>{time(item.occurredAt)} UTC</time>
                  {item.recordedAt.slice(0, 10) !== item.occurredAt.slice(0, 10) &&
                    ` · recorded ${time(item.recordedAt)}`}{' '}
                  · {item.actor}
                </div>
                <div className="soft mono">
                  {item.type} · revision {item.revision} · {item.id}
                </div>
              </li>
            ))}
          </ol>
        )}
        {view.next && (
          <p>
            <a href={view.next}>Next page</a>
          </p>
        )}
      </section>
    ),
  });
}
