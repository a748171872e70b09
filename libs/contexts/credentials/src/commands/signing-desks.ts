// Deciders are listed before the installation that runs them is open; what signs is known only afterwards. Each
// installation's desk is found by its loader, so that several may live in one process.
import type { FactLoader } from '@cairn/kernel';
import { createCredentialDecider, type PrepareIssue } from '../domain/credential.decider.js';

const desks = new WeakMap<FactLoader, PrepareIssue>();

/** From now on, what is decided with this loader is signed by `prepare`. */
export function openSigningDesk(loader: FactLoader, prepare: PrepareIssue): void {
  desks.set(loader, prepare);
}

export const credentialDecider = createCredentialDecider((command, basis, entitlements, loader) => {
  const prepare = desks.get(loader);
  if (!prepare) throw new TypeError('nothing signs in this process: open a signing desk for its loader first');
  return prepare(command, basis, entitlements, loader);
});
