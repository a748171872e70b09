// `/c/{id}`: what anyone may learn about one credential. The first words are the verdict.
import type { ReactNode } from 'react';
import type { VerificationAnswer, VerificationCheck } from '@cairn/contexts/credentials';
import { Alignments, Icon, IssuerName, renderPage, StatusChip, toneOf, type Tone } from './layout.js';
import { achievementKind, capital, day, inLanguage, localDate, time, unkebab } from './words.js';

const OUTCOME_TONE: Record<VerificationCheck['outcome'], Tone> = {
  pass: 'good',
  fail: 'bad',
  unknown: 'unsure',
  skipped: 'unsure',
};

export function verificationPage(answer: VerificationAnswer): string {
  const status = capital(unkebab(answer.status));
  const title = inLanguage(answer.title);
  return renderPage({
    title: title ? `${status}: ${title}` : status,
    kind: 'verification of a credential',
    footer: (
      <p>
        Credential <span className="mono">{answer.credential}</span>. This page reads the issuer’s event log at the
        moment you open it. Add <span className="mono">?asOf=2026-01-31T12:00:00Z</span> to its address to ask about
        another instant.
      </p>
    ),
    children: (
      <>
        <Verdict answer={answer} />
        {answer.title && <Credential answer={answer} />}
        {answer.criteriaText && <Criteria answer={answer} />}
        {answer.stack && <Stack answer={answer} />}
        {answer.history.length > 0 && <History answer={answer} />}
        <Checks answer={answer} />
      </>
    ),
  });
}

const Verdict = ({ answer }: { answer: VerificationAnswer }): ReactNode => {
  const tone = toneOf(answer.status);
  return (
    <section className={`verdict is-${tone}`} aria-labelledby="verdict">
      <h1 id="verdict">
        <Icon tone={tone} />
        {capital(unkebab(answer.status))}
      </h1>
      <p>{inLanguage(answer.text)}</p>
      {answer.flags.map((flag) => (
        <p key={`${flag.cause}${flag.since}`}>
          <strong>Remark:</strong> {inLanguage(flag.text)}
        </p>
      ))}
      {answer.supersededBy && (
        <p>
          The edition in its place: <a href={`/c/${answer.supersededBy}`}>{answer.supersededBy}</a>.
        </p>
      )}
      <p className="when">
        Checked for {time(answer.asOf, answer.zone)}
        {answer.knownAt === answer.asOf ? '' : `, by what was known on ${time(answer.knownAt, answer.zone)}`} (
        {answer.zone ?? 'UTC'}).
      </p>
    </section>
  );
};

/** The last day before an instant at which something ends. */
const lastDay = (until: string, zone: string | undefined): string =>
  day(new Date(Date.parse(until) - 1).toISOString(), zone);

const holderWords: Record<VerificationAnswer['holderIs'], string> = {
  named: '',
  'not-given': 'Name not given',
  erased: 'Erased at the holder’s request; the status stays',
  unknown: 'Could not be established',
};

const Credential = ({ answer }: { answer: VerificationAnswer }): ReactNode => (
  <section aria-labelledby="credential">
    <h2 id="credential" className="title">
      {inLanguage(answer.title)}
    </h2>
    {answer.description && <p>{inLanguage(answer.description)}</p>}
    <dl>
      <dt>Held by</dt>
      <dd>{answer.holder?.name ?? holderWords[answer.holderIs]}</dd>
      {answer.issuer && (
        <>
          <dt>Issued by</dt>
          <dd>
            <IssuerName {...answer.issuer} />
          </dd>
        </>
      )}
      {answer.achievementType && (
        <>
          <dt>Kind</dt>
          <dd>
            {achievementKind(answer.achievementType)}
            {answer.level && `, ${inLanguage(answer.level.text)}`}
            {answer.credits !== undefined && `, ${answer.credits} credits`}
          </dd>
        </>
      )}
      {answer.awardedAt && (
        <>
          <dt>Awarded</dt>
          <dd>{day(answer.awardedAt, answer.zone)}</dd>
        </>
      )}
      {answer.firstValidDay && (
        <>
          <dt>Validity</dt>
          <dd>
            from {localDate(answer.firstValidDay)}
            {answer.lastValidDay ? ` up to and including ${localDate(answer.lastValidDay)}` : ', without end'}{' '}
            <span className="soft">({answer.zone})</span>
          </dd>
        </>
      )}
      {answer.terms && answer.terms.length > 1 && (
        <>
          <dt>Terms</dt>
          <dd>
            <ol className="plain">
              {answer.terms.map(({ serial, validFrom, validUntil }) => (
                <li key={serial}>
                  {serial}: {day(validFrom, answer.zone)} to {validUntil ? lastDay(validUntil, answer.zone) : 'no end'}
                </li>
              ))}
            </ol>
          </dd>
        </>
      )}
      {answer.renewal && (
        <>
          <dt>Renewal</dt>
          <dd>
            from {day(answer.renewal.opens, answer.zone)} up to and including{' '}
            {lastDay(answer.renewal.closes, answer.zone)}
          </dd>
        </>
      )}
      {answer.basis?.kind === 'granted' && (
        <>
          <dt>Granted by</dt>
          <dd>
            {answer.basis.authority} ({unkebab(answer.basis.reason ?? '')})
          </dd>
        </>
      )}
    </dl>
  </section>
);

const Criteria = ({ answer }: { answer: VerificationAnswer }): ReactNode => (
  <section aria-labelledby="criteria">
    <h2 id="criteria">What it took</h2>
    <p>{inLanguage(answer.criteriaText)}</p>
    {answer.stack?.rule && <p className="soft">As the rule says it: {inLanguage(answer.stack.rule)}</p>}
    <Alignments alignments={answer.alignments ?? []} />
    {answer.criteria && (
      <p>
        <a href={answer.criteria}>What this achievement is</a>
      </p>
    )}
  </section>
);

const Stack = ({ answer }: { answer: VerificationAnswer }): ReactNode => {
  const stack = answer.stack as NonNullable<VerificationAnswer['stack']>;
  if (stack.restsOn.length === 0 && stack.countsTowards.length === 0 && !stack.pathway) return null;
  return (
    <section aria-labelledby="stack">
      <h2 id="stack">Its place in the stack</h2>
      {stack.pathway && (
        <p>
          Earned on the pathway <strong>{inLanguage(stack.pathway)}</strong>
          {stack.versionLabel && `, version ${stack.versionLabel}`}.
        </p>
      )}
      {stack.restsOn.length > 0 && (
        <>
          <h3>It rests on</h3>
          <ul className="plain">
            {stack.restsOn.map((part, index) => (
              <li key={part.credential ?? index} className="row">
                {part.page ? <a href={part.page}>{inLanguage(part.title)}</a> : <span>{inLanguage(part.title)}</span>}
                <StatusChip status={part.status} />
              </li>
            ))}
          </ul>
        </>
      )}
      {stack.countsTowards.length > 0 && (
        <>
          <h3>It counts towards</h3>
          <ul>
            {stack.countsTowards.map((goal) => (
              <li key={inLanguage(goal.title)}>
                {inLanguage(goal.title)}
                {goal.pathway && <span className="soft"> · {inLanguage(goal.pathway)}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
};

const History = ({ answer }: { answer: VerificationAnswer }): ReactNode => (
  <section aria-labelledby="history">
    <h2 id="history">History</h2>
    <ol className="timeline">
      {answer.history.map((entry) => (
        <li key={entry.revision}>
          <strong>{inLanguage(entry.text)}</strong>
          <div className="soft">
            <time dateTime={entry.at}>{time(entry.at, answer.zone)}</time>
            {entry.recordedAt.slice(0, 10) !== entry.at.slice(0, 10) &&
              `, recorded ${time(entry.recordedAt, answer.zone)}`}
          </div>
        </li>
      ))}
    </ol>
  </section>
);

const Checks = ({ answer }: { answer: VerificationAnswer }): ReactNode => (
  <section aria-labelledby="checks">
    <h2 id="checks">How we checked</h2>
    <ul className="plain">
      {answer.checks.map((check) => (
        <li key={check.check}>
          <div className="row">
            <span>{inLanguage(check.text)}</span>
            <span className={`chip is-${OUTCOME_TONE[check.outcome]}`}>
              <Icon tone={OUTCOME_TONE[check.outcome]} />
              {capital(check.outcome)}
            </span>
          </div>
          <div className="soft mono">{check.compared}</div>
        </li>
      ))}
    </ul>
    <p className="soft">
      {answer.links.credential ? (
        <>
          You need not trust this page: take the <a href={answer.links.credential}>signed copy</a> (Open Badges 3.0,
          VC-JWT) and check it with any verifier
          {answer.proof && (
            <>
              {' '}
              against the key <span className="mono">{answer.proof.key}</span>
            </>
          )}
          .{' '}
        </>
      ) : (
        'There is no signed copy to check without this page. '
      )}
      The same answer <a href={answer.links.json}>as JSON</a>.
    </p>
  </section>
);
