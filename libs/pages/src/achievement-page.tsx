// `/a/{template}/{version}`: what a credential is awarded for, without saying to whom.
import type { ReactNode } from 'react';
import type { AchievementAnswer } from '@cairn/contexts/credentials';
import { Alignments, IssuerName, renderPage } from './layout.js';
import { achievementKind, inLanguage } from './words.js';

export const achievementPage = (answer: AchievementAnswer): string =>
  renderPage({
    title: inLanguage(answer.title),
    kind: 'an achievement',
    footer: (
      <p>
        Version {answer.version} of <span className="mono">{answer.template}</span>. A published version never changes.
        The same as data: <a href={`/a/${answer.template}/${answer.version}.json`}>JSON-LD</a>.
      </p>
    ),
    children: <Achievement answer={answer} />,
  });

const Achievement = ({ answer }: { answer: AchievementAnswer }): ReactNode => (
  <>
    <section aria-labelledby="achievement">
      <h1 id="achievement" className="title">
        {inLanguage(answer.title)}
      </h1>
      <p>{inLanguage(answer.description)}</p>
      <dl>
        {answer.issuer && (
          <>
            <dt>Awarded by</dt>
            <dd>
              <IssuerName {...answer.issuer} />
            </dd>
          </>
        )}
        <dt>Kind</dt>
        <dd>
          {achievementKind(answer.achievementType)}
          {answer.level !== undefined && `, level ${answer.level}`}
          {answer.credits !== undefined && `, ${answer.credits} credits`}
        </dd>
      </dl>
    </section>
    <section aria-labelledby="criteria">
      <h2 id="criteria">What it takes</h2>
      <p>{inLanguage(answer.criteria)}</p>
      <Alignments alignments={answer.alignments} />
    </section>
    <section aria-labelledby="holders">
      <h2 id="holders">Does somebody hold it?</h2>
      <p>
        This page describes the achievement and names nobody. Whether a credential holds is told by its own page, whose
        address is in the credential.
      </p>
    </section>
  </>
);
