// What anyone may learn about one published version of a template: the data of `/a/{template}/{version}`.
import type { AchievementDocument } from '@cairn/openbadges';
import type { LanguageMap } from './verification-answer.js';

export type AchievementAnswer = {
  /** As programs get it: the achievement of the signed copies, word for word, with its contexts. */
  readonly document: AchievementDocument;
  /** `tpl_…` */
  readonly template: string;
  readonly version: number;
  readonly title: LanguageMap;
  readonly description: LanguageMap;
  readonly criteria: LanguageMap;
  readonly achievementType: string;
  readonly level?: number;
  readonly credits?: number;
  /** Absent if the issuer cannot be read. */
  readonly issuer?: { readonly id: string; readonly name: string; readonly url?: string };
  readonly alignments: readonly { readonly name: string; readonly url: string; readonly framework?: string }[];
};
