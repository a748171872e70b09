// What an event of a trail says, for people: the same facts as its data, with titles instead of ids.
import type { TrailItem } from '../../../libs/contexts/audit/src/queries/trail.js';

export type CatalogKind = 'module' | 'template' | 'pathway';
type Data = { readonly [member: string]: unknown };

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const code = (value: unknown): string => text(value).replaceAll('-', ' ');
const enrollmentOf = (data: Data): Data => (data['enrollment'] ?? {}) as Data;

/** What of the catalog an event names. */
export function namedBy({ data }: TrailItem): readonly { readonly kind: CatalogKind; readonly id: string }[] {
  const all = { ...enrollmentOf(data as Data), ...(data as Data) };
  return (['module', 'template', 'pathway'] as const).flatMap((kind) => {
    const id = all[`${kind}Id`];
    return typeof id === 'string' ? [{ kind, id }] : [];
  });
}

/** One line; what is not told specially is told by the meaning of its type. */
export function trailWords(item: TrailItem, titleOf: (kind: CatalogKind, id: string) => string | undefined): string {
  const means = item.means.replace(/\s*\(D\d+\)/g, '').replace(/\.$/, '');
  if (item.unreadable !== undefined) return `${means}. It cannot be read: ${code(item.unreadable)}`;
  const data = item.data as Data;
  const name = (kind: CatalogKind, of: Data = data): string => {
    const id = text(of[`${kind}Id`]);
    return `“${titleOf(kind, id) ?? id}”`;
  };
  const decided = `${code(data['reasonCode'])}${data['authority'] === undefined ? '' : `, decided by ${text(data['authority'])}`}`;
  switch (item.type) {
    case 'identity-claimed':
      return 'An e-mail address or external id was claimed (kept as a keyed hash)';
    case 'learner-registered':
      return 'Registered; the personal part is sealed with a key of its own';
    case 'learner-enrolled':
      return `Joined ${name('pathway', enrollmentOf(data))}, version ${text(enrollmentOf(data)['version'])}`;
    case 'enrollment-withdrawn':
      return `Left ${name('pathway', enrollmentOf(data))}: ${decided}`;
    case 'enrollment-reinstated':
      return `Came back to ${name('pathway', enrollmentOf(data))}`;
    case 'enrollment-moved-to-version':
      return `Went on in ${name('pathway', enrollmentOf(data))} by version ${text(enrollmentOf(data)['version'])}: ${decided}`;
    case 'module-started':
      return `Began ${name('module')}`;
    case 'module-completed':
      return `Completed ${name('module')}${data['score'] === undefined ? '' : ` with ${text(data['score'])}`}, reported by ${text(data['source'])}`;
    case 'module-completion-invalidated':
      return `A completion of ${name('module')} was taken back: ${decided}`;
    case 'requirement-waived':
      return `Requirement ${text(data['requirementId'])} was waived: ${decided}`;
    case 'step-satisfied':
      return `Met step ${text(data['stepId'])} of ${name('pathway', enrollmentOf(data))}`;
    case 'step-reopened':
      return `Step ${text(data['stepId'])} of ${name('pathway', enrollmentOf(data))} is open again`;
    case 'credential-earned':
      return `Earned ${name('template')}`;
    case 'credential-granted':
      return `Was granted ${name('template')}: ${decided}`;
    case 'credential-entitlement-withdrawn':
      return `Is not entitled to ${name('template')} any more`;
    case 'credential-issued':
      return `${name('template')} was signed and issued`;
    case 'renewal-earned':
      return `Met what renews ${name('template')}, term ${text(data['serial'])}${data['authority'] === undefined ? '' : `: ${decided}`}`;
    case 'credential-renewed':
      return `${name('template')} was renewed: term ${text(data['serial'])} was signed`;
    case 'credential-superseded':
      return `${name('template')} was superseded by its next edition: ${decided}`;
    case 'renewal-window-opened':
      return `${name('template')} can be renewed from now on`;
    case 'renewal-reminder-requested':
      return `Its holder is to be told that the term of ${name('template')} ends`;
    case 'renewal-window-closed':
      return `${name('template')} can no longer be renewed`;
    case 'credential-revoked':
      return `${name('template')} was revoked: ${decided}`;
    case 'credential-suspended':
      return `${name('template')} was suspended: ${decided}`;
    case 'credential-reinstated':
      return `A suspension of ${name('template')} was ended: ${decided}`;
    case 'credential-expired':
      return `The term of ${name('template')} ended`;
    case 'credential-flagged':
      return `${name('template')} was flagged: ${code(data['cause'])}`;
    case 'credential-unflagged':
      return `The flag on ${name('template')} was lifted`;
    case 'stack-component-credited':
      return `${'templateId' in data ? name('template') : name('module')} ${data['origin'] === 'recognised' ? 'was recognised from outside' : 'counts in the stack'}`;
    case 'stack-component-withdrawn':
      return `${'templateId' in data ? name('template') : 'A component'} counts no more: ${code(data['cause'])}`;
    case 'parked-work-discarded':
      return `The operator let ${text(data['name'])} pass over an event that it could not handle: ${decided}`;
    case 'parked-work-retried':
      return `The operator let ${text(data['name'])} try again what it could not handle`;
    default:
      return means;
  }
}
