// A cipher for specs: real sealing semantics (a destroyed key opens and seals nothing), no cryptography.
import type { Cipher, Json, Subject } from '@cairn/kernel';

const nameOf = ({ tenant, learner }: Subject): string => `${tenant}|${learner}`;

/** `destroy` erases a subject. Sealed values do not show their content in clear. */
export function createMemoryCipher(): Cipher & { readonly destroy: (subject: Subject) => void } {
  const destroyed = new Set<string>();
  return {
    seal: (subject, field, value) => {
      if (destroyed.has(nameOf(subject))) throw new Error('the key of this subject was destroyed');
      return { sealed: Buffer.from(JSON.stringify([nameOf(subject), field, value])).toString('base64') };
    },
    open: (subject, field, sealed) => {
      if (destroyed.has(nameOf(subject))) return undefined;
      const [owner, of, value] = JSON.parse(
        Buffer.from(sealed['sealed'] as string, 'base64').toString('utf8'),
      ) as Json[];
      if (owner !== nameOf(subject) || of !== field) throw new Error('sealed for another subject or field');
      return value;
    },
    destroy: (subject) => void destroyed.add(nameOf(subject)),
  };
}
