// A page that only says what happened and what to do: not found, link expired, something broke.
import { Icon, renderPage, type Tone } from './layout.js';

export function messagePage(message: {
  readonly heading: string;
  readonly text: string;
  readonly next: string;
  readonly tone?: Tone;
}): string {
  const tone = message.tone ?? 'unsure';
  return renderPage({
    title: message.heading,
    kind: 'stackable credentials',
    children: (
      <section className={`verdict is-${tone}`} aria-labelledby="message">
        <h1 id="message">
          <Icon tone={tone} />
          {message.heading}
        </h1>
        <p>{message.text}</p>
        <p>{message.next}</p>
      </section>
    ),
  });
}
