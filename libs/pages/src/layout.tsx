// The frame of every page, and the pieces that several pages share.
import type { ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { capital, unkebab } from './words.js';

export type Tone = 'good' | 'bad' | 'wait' | 'unsure';

export const toneOf = (status: string): Tone =>
  status === 'valid'
    ? 'good'
    : status === 'revoked' || status === 'superseded'
      ? 'bad'
      : status === 'unknown' || status === 'not-found'
        ? 'unsure'
        : 'wait';

const SHAPES: Record<Tone, ReactNode> = {
  good: <path d="m7.5 12.5 3 3 6-7" />,
  bad: <path d="m8.5 8.5 7 7m0-7-7 7" />,
  wait: <path d="M12 7.5v5l3 2" />,
  unsure: <path d="M9.6 9.4a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.2.9-1.2 1.8m0 2.7v.1" />,
};

/** Decorative: the words beside it say the same. */
export const Icon = ({ tone }: { tone: Tone }): ReactNode => (
  <svg
    className="icon"
    viewBox="0 0 24 24"
    aria-hidden="true"
    fill="none"
    stroke="currentColor"
    strokeWidth="2.2"
    strokeLinecap="round"
    strokeLinejoin="round"
  >
    <circle cx="12" cy="12" r="10" />
    {SHAPES[tone]}
  </svg>
);

export const StatusChip = ({ status }: { status: string }): ReactNode => {
  const tone = toneOf(status);
  return (
    <span className={`chip is-${tone}`}>
      <Icon tone={tone} />
      {capital(unkebab(status))}
    </span>
  );
};

/** Who issues, with a link to their own site if they have one. */
export const IssuerName = ({ name, url }: { readonly name: string; readonly url?: string }): ReactNode =>
  url ? (
    <a href={url} rel="noopener">
      {name}
    </a>
  ) : (
    name
  );

type Alignment = { readonly name: string; readonly url: string; readonly framework?: string };

/** Skills and standards that an achievement names; nothing if there are none. */
export const Alignments = ({ alignments }: { readonly alignments: readonly Alignment[] }): ReactNode =>
  alignments.length > 0 && (
    <>
      <h3>Skills and standards</h3>
      <ul>
        {alignments.map((alignment) => (
          <li key={alignment.url}>
            <a href={alignment.url} rel="noopener">
              {alignment.name}
            </a>
            {alignment.framework && <span className="soft"> · {alignment.framework}</span>}
          </li>
        ))}
      </ul>
    </>
  );

const Cairn = (): ReactNode => (
  <svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true" fill="currentColor">
    <ellipse cx="13" cy="22" rx="11" ry="3.6" />
    <ellipse cx="13.6" cy="15.2" rx="8" ry="3" />
    <ellipse cx="12.4" cy="9.4" rx="5.4" ry="2.5" />
    <ellipse cx="13.2" cy="4.4" rx="3" ry="2" />
  </svg>
);

export type Frame = {
  readonly title: string;
  /** Beside the wordmark: what kind of page this is. */
  readonly kind: string;
  readonly wide?: boolean;
  /** Pages about people stay out of search engines. */
  readonly footer?: ReactNode;
  readonly children: ReactNode;
};

const Page = ({ title, kind, wide, footer, children }: Frame): ReactNode => (
  <html lang="en">
    <head>
      <meta charSet="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="robots" content="noindex" />
      <title>{title}</title>
      <link rel="stylesheet" href="/assets/cairn.css" />
      <link rel="icon" href="/assets/cairn.svg" type="image/svg+xml" />
    </head>
    <body>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className={wide ? 'top wide' : 'top'}>
        <Cairn />
        <span>
          <strong>Cairn</strong> · {kind}
        </span>
      </header>
      <main id="main" className={wide ? 'wide' : undefined}>
        {children}
      </main>
      <footer className={wide ? 'foot wide' : 'foot'}>{footer}</footer>
    </body>
  </html>
);

/** The whole document as HTML text; no script, nothing to hydrate. */
export const renderPage = (frame: Frame): string => `<!doctype html>${renderToStaticMarkup(<Page {...frame} />)}`;

export const FAVICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 26" fill="#2f7d5b"><ellipse cx="13" cy="22" rx="11" ry="3.6"/><ellipse cx="13.6" cy="15.2" rx="8" ry="3"/><ellipse cx="12.4" cy="9.4" rx="5.4" ry="2.5"/><ellipse cx="13.2" cy="4.4" rx="3" ry="2"/></svg>';
