import { reject, type Rejected } from '@cairn/kernel';

/** Ids derive from the sender's key, so meeting the id with other content means that the key was used twice. */
export const otherContent = (thing: string): Rejected =>
  reject(
    'idempotency-key-reused',
    `This id already belongs to another ${thing}, with other content.`,
    'Send new content with a new Idempotency-Key.',
  );
