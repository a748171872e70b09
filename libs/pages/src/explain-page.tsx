// "Why I hold this": the explain answer in plain words, each fact with its time and source.
import type { ReactNode } from 'react';
import type { ExplainAnswer, ExplainFact } from '@cairn/contexts/credentials';
import { Icon, renderPage, StatusChip } from './layout.js';
import { capital, day, inLanguage, time, unkebab } from './words.js';

export function explainPage(answer: ExplainAnswer): string {
  const title = inLanguage(answer.title);
  return renderPage({
    title: `Why I hold “${title}”`,
    kind: 'why I hold this',
    footer: (
      <p>
        Credential <a href={`/c/${answer.credential}`}>{answer.credential}</a>. Written at the moment of the decision
        and read back from the event log, not reconstructed.
      </p>
    ),
    children: (
      <>
        <section aria-labelledby="why">
          <h1 id="why">Why I hold “{title}”</h1>
          <p>{inLanguage(answer.text)}</p>
          <p>
            <StatusChip status={answer.status} />
          </p>
          <dl>
            <dt>{answer.decision.kind === 'granted' ? 'Granted' : 'Earned'}</dt>
            <dd>
              {day(answer.decision.at)}
              {answer.decision.authority &&
                ` by ${answer.decision.authority} (${unkebab(answer.decision.reason ?? '')})`}
              <div className="soft">decided and recorded {time(answer.decision.recordedAt)} UTC</div>
            </dd>
            <dt>Issued</dt>
            <dd>
              {day(answer.issued.at)} by {answer.issued.issuer.name}
            </dd>
            {answer.rule && (
              <>
                <dt>Rule</dt>
                <dd>
                  {inLanguage(answer.rule.pathway)}, version {answer.rule.label}
                  <div className="soft mono">{answer.rule.hash.slice(0, 16)}…</div>
                </dd>
              </>
            )}
          </dl>
        </section>
        {answer.rule && (
          <section aria-labelledby="rule">
            <h2 id="rule">What the rule asks</h2>
            <p>{inLanguage(answer.rule.text)}</p>
            <Matches answer={answer} />
          </section>
        )}
        {answer.requirements.length > 0 && (
          <section aria-labelledby="facts">
            <h2 id="facts">What met it</h2>
            <ul className="plain">
              {grouped(answer.requirements).map(({ heading, parts }) => (
                <li key={heading?.requirement ?? parts[0]?.requirement}>
                  {heading && <h3>{inLanguage(heading.text)}</h3>}
                  {heading?.facts.map((fact) => (
                    <p key={fact.at} className="soft">
                      {inLanguage(fact.text)} {day(fact.at)}
                    </p>
                  ))}
                  {heading && parts.length > 0 ? (
                    <div className="bracket">
                      {parts.map((part) => (
                        <Requirement key={part.requirement} requirement={part} level="h4" />
                      ))}
                    </div>
                  ) : (
                    parts.map((part) => <Requirement key={part.requirement} requirement={part} level="h3" />)
                  )}
                </li>
              ))}
            </ul>
          </section>
        )}
        {answer.renewals?.map((renewal) => (
          <section key={renewal.serial} aria-labelledby={`term-${renewal.serial}`}>
            <h2 id={`term-${renewal.serial}`}>Term {renewal.serial}</h2>
            <p>{inLanguage(renewal.text)}</p>
            <p className="soft">
              {day(renewal.validFrom)} to {day(renewal.validUntil)}, decided {time(renewal.recordedAt)} UTC
            </p>
            <ul className="plain">
              {renewal.requirements.map((requirement) => (
                <li key={requirement.requirement}>
                  <Requirement requirement={requirement} level="h3" />
                </li>
              ))}
            </ul>
            <Matches answer={renewal} />
          </section>
        ))}
        {answer.changes && (
          <section aria-labelledby="changes">
            <h2 id="changes">What happened since</h2>
            <ol className="timeline">
              {answer.changes.map((change, index) => (
                <li key={index}>
                  <strong>{inLanguage(change.text)}</strong>
                  <div className="soft">{day(change.at)}</div>
                  {change.causes.map((cause, place) => (
                    <div key={place} className="soft">
                      because: {inLanguage(cause.text)}, {day(cause.at)}
                    </div>
                  ))}
                </li>
              ))}
            </ol>
          </section>
        )}
        {answer.components.length > 0 && (
          <section aria-labelledby="components">
            <h2 id="components">Credentials it rests on, as they stand now</h2>
            <ul className="plain">
              {answer.components.map((component, index) => (
                <li key={component.credential ?? index} className="row">
                  {component.page ? (
                    <a href={component.page}>{inLanguage(component.title)}</a>
                  ) : (
                    <span>{inLanguage(component.title)}</span>
                  )}
                  <StatusChip status={component.status} />
                </li>
              ))}
            </ul>
          </section>
        )}
      </>
    ),
  });
}

const Matches = ({ answer }: { answer: Pick<ExplainAnswer, 'matches' | 'mismatch'> }): ReactNode =>
  answer.matches === null ? null : (
    <p className={`chip wraps is-${answer.matches ? 'good' : 'bad'}`}>
      <Icon tone={answer.matches ? 'good' : 'bad'} />
      {answer.matches
        ? 'Decided again from these facts: the same result'
        : `Decided again: ${answer.mismatch ?? 'another result'}`}
    </p>
  );

type Met = ExplainAnswer['requirements'][number];

/** A step and what it rests on belong together; the answer lists a step right before those. */
function grouped(requirements: readonly Met[]): readonly { readonly heading?: Met; readonly parts: readonly Met[] }[] {
  const groups: { heading?: Met; parts: Met[] }[] = [];
  for (const requirement of requirements) {
    const last = groups.at(-1);
    if (requirement.facts.some(({ kind }) => kind === 'step')) groups.push({ heading: requirement, parts: [] });
    else if (last?.heading) last.parts.push(requirement);
    else groups.push({ parts: [requirement] });
  }
  return groups;
}

const Requirement = ({ requirement, level: Level }: { requirement: Met; level: 'h3' | 'h4' }): ReactNode => (
  <>
    <Level>{inLanguage(requirement.text)}</Level>
    {requirement.waived && <p className="soft">Waived by decision.</p>}
    <ul>
      {requirement.facts.map((fact, index) => (
        <Fact key={index} fact={fact} />
      ))}
    </ul>
  </>
);

const Fact = ({ fact }: { fact: ExplainFact }): ReactNode => (
  <li>
    {fact.page ? <a href={fact.page}>{inLanguage(fact.text)}</a> : inLanguage(fact.text)}
    {fact.withdrawn && ' (taken back later)'}
    <div className="soft">
      {day(fact.at)}
      {fact.source && ` · source: ${fact.source}`}
      {fact.authority && ` · ${capital(unkebab(fact.reason ?? 'decided'))}, ${fact.authority}`}
      {fact.recordedAt.slice(0, 10) !== fact.at.slice(0, 10) && ` · recorded ${day(fact.recordedAt)}`}
    </div>
  </li>
);
