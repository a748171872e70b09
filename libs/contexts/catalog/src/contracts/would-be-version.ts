// What publishing a pathway's draft now would make of it, for whoever asks what it would change.
import type { PathwayId, Rejected, TenantId } from '@cairn/kernel';
import type { PublishedPathway } from './catalog.events.js';

/** Injection token; the catalog hands the implementation in. */
export const WOULD_BE_VERSION = Symbol('would-be-version');

/** The version that the draft would become, or why it cannot be published. Nothing is written. */
export type WouldBeVersion = (tenant: TenantId, pathwayId: PathwayId) => Promise<PublishedPathway | Rejected>;
