// The funnel of a pathway for analysts: a table with bars, and the same numbers as JSON and CSV.
import type { ReactNode } from 'react';
import { renderPage } from './layout.js';
import { duration, inLanguage, percent, time, unkebab, capital, type Texts } from './words.js';

export type FunnelView = {
  readonly pathway: string;
  readonly title: Texts;
  readonly version: string;
  readonly order: 'any' | 'in-order';
  readonly enrolled: number;
  readonly steps: readonly {
    readonly id: string;
    readonly title?: string;
    readonly reached: number;
    readonly satisfied: number;
    readonly conversion?: number;
    readonly share?: number;
    readonly medianSeconds?: number;
    readonly p90Seconds?: number;
  }[];
  readonly states: readonly { readonly state: string; readonly count: number }[];
  readonly definitions: readonly string[];
  readonly position: string;
  readonly asOf: string;
  /** Links to the other order, the other versions, and the same numbers as data. */
  readonly orders: readonly { readonly label: string; readonly href: string; readonly current: boolean }[];
  readonly versions: readonly { readonly label: string; readonly href: string; readonly current: boolean }[];
  readonly data: readonly { readonly label: string; readonly href: string }[];
};

export function funnelPage(view: FunnelView): string {
  const title = inLanguage(view.title);
  const most = Math.max(1, view.enrolled);
  return renderPage({
    title: `Funnel of ${title}, version ${view.version}`,
    kind: 'funnel of a pathway',
    wide: true,
    footer: (
      <p>
        Answered at log position <span className="mono">{view.position}</span> as of {time(view.asOf)} UTC. The same
        position gives the same numbers again.
      </p>
    ),
    children: (
      <>
        <section aria-labelledby="funnel">
          <h1 id="funnel">{title}</h1>
          <p>
            Version <strong>{view.version}</strong> · <strong>{view.enrolled.toLocaleString('en-GB')}</strong> enrolled
          </p>
          <Tabs label="Order" links={view.orders} />
          {view.versions.length > 1 && <Tabs label="Version" links={view.versions} />}
        </section>
        <section aria-labelledby="steps">
          <h2 id="steps">Steps</h2>
          {view.enrolled === 0 ? (
            <p>Nobody is enrolled in this version yet. The funnel fills as learners join.</p>
          ) : (
            <div className="scroll" role="region" aria-labelledby="counted" tabIndex={0}>
              <table>
                <caption id="counted">
                  {view.order === 'any' ? 'Steps counted whenever satisfied' : 'Steps counted only in order'}
                </caption>
                <thead>
                  <tr>
                    <th scope="col">Step</th>
                    <th scope="col" className="picture">
                      Satisfied, of all enrolled
                    </th>
                    <th scope="col" className="num">
                      Reached
                    </th>
                    <th scope="col" className="num">
                      Satisfied
                    </th>
                    <th scope="col" className="num">
                      Conversion
                    </th>
                    <th scope="col" className="num">
                      Median time
                    </th>
                    <th scope="col" className="num">
                      90 % within
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {view.steps.map((step) => (
                    <tr key={step.id}>
                      <th scope="row">
                        {step.title ?? step.id}
                        {step.title && <div className="soft mono">{step.id}</div>}
                      </th>
                      <td className="picture">
                        <svg
                          className="bar"
                          viewBox="0 0 1000 10"
                          preserveAspectRatio="none"
                          role="img"
                          aria-label={`${percent(step.satisfied / most)} of all enrolled`}
                        >
                          <rect className="rest" width="1000" height="10" />
                          <rect className="done" width={Math.round((step.satisfied / most) * 1000)} height="10" />
                        </svg>
                      </td>
                      <td className="num">{step.reached.toLocaleString('en-GB')}</td>
                      <td className="num">{step.satisfied.toLocaleString('en-GB')}</td>
                      <td className="num">{percent(step.conversion)}</td>
                      <td className="num">{duration(step.medianSeconds)}</td>
                      <td className="num">{duration(step.p90Seconds)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </section>
        {view.states.length > 0 && (
          <section aria-labelledby="states">
            <h2 id="states">Where they are now</h2>
            <dl>
              {view.states.map(({ state, count }) => (
                <Row
                  key={state}
                  label={capital(unkebab(state))}
                  value={`${count.toLocaleString('en-GB')} (${percent(count / most)})`}
                />
              ))}
            </dl>
          </section>
        )}
        <section aria-labelledby="definitions">
          <h2 id="definitions">How these numbers are defined</h2>
          {view.definitions.map((definition) => (
            <p key={definition}>{definition}</p>
          ))}
          <p>
            The same numbers as data:{' '}
            {view.data.map((link, index) => (
              <span key={link.href}>
                {index > 0 && ' · '}
                <a href={link.href}>{link.label}</a>
              </span>
            ))}
          </p>
        </section>
      </>
    ),
  });
}

const Row = ({ label, value }: { label: string; value: string }): ReactNode => (
  <>
    <dt>{label}</dt>
    <dd>{value}</dd>
  </>
);

const Tabs = ({ label, links }: { label: string; links: FunnelView['orders'] }): ReactNode => (
  <nav className="tabs" aria-label={label}>
    {links.map((link) => (
      <a key={link.href} href={link.href} aria-current={link.current ? 'page' : undefined}>
        {link.label}
      </a>
    ))}
  </nav>
);
