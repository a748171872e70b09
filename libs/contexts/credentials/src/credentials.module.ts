// One list: everything that this context adds to the application.
import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import { BulkRoute } from './commands/bulk-acts.js';
import { BulkRun } from './commands/bulk-run.js';
import {
  FlagCredentialHandler,
  FlagCredentialMessage,
  UnflagCredentialHandler,
  UnflagCredentialMessage,
} from './commands/hold-credential.js';
import { IssueCredentialHandler, IssueCredentialMessage, IssueCredentialRoute } from './commands/issue-credential.js';
import {
  NoteRenewalWindowHandler,
  NoteRenewalWindowMessage,
  RenewCredentialHandler,
  RenewCredentialMessage,
  RenewCredentialRoute,
  RequestRenewalReminderHandler,
  RequestRenewalReminderMessage,
  SupersedeCredentialHandler,
  SupersedeCredentialMessage,
} from './commands/renew-credential.js';
import {
  RevokeCredentialHandler,
  RevokeCredentialMessage,
  RevokeCredentialRoute,
} from './commands/revoke-credential.js';
import { SigningDesk } from './commands/signing-desk.js';
import { credentialDecider } from './commands/signing-desks.js';
import {
  ExpireCredentialHandler,
  ExpireCredentialMessage,
  ReinstateCredentialHandler,
  ReinstateCredentialMessage,
  SuspendCredentialHandler,
  SuspendCredentialMessage,
  SuspendCredentialRoute,
} from './commands/suspend-credential.js';
import { credentialEvents, statusListEvents } from './contracts/credential.events.js';
import { statusListDecider } from './domain/status-list.decider.js';
import { dueWorkProjection } from './projections/due-work.projection.js';
import { registerProjection } from './projections/register.projection.js';
import { verificationProjection } from './projections/verification.projection.js';
import { walletProjection } from './projections/wallet.projection.js';
import { AchievementHandler, AchievementRoute } from './queries/achievement.js';
import { BulkItems } from './queries/bulk-items.js';
import { CredentialLocator } from './queries/credential-locator.js';
import { CredentialReading } from './queries/credential-reading.js';
import { ExplainCredentialHandler, ExplainCredentialRoute } from './queries/explain-credential.js';
import { CredentialRegisterRoute, WalletRoute } from './queries/read-credentials.js';
import { StatusListRoute, StatusLists } from './queries/status-list.js';
import { VerifyCredentialHandler, VerifyCredentialRoute } from './queries/verify-credential.js';
import { PresentedRoute, PresentedVerifier } from './queries/verify-presented.js';
import { applyPolicy } from './reactors/apply-policy.reactor.js';
import { issueOnEarned } from './reactors/issue-on-earned.reactor.js';
import { supersedeOnReplacement } from './reactors/supersede-on-replacement.reactor.js';
import {
  componentExpiryClock,
  credentialExpiryClock,
  reminderClock,
  renewalClock,
} from './timekeepers/expiry-clock.timekeeper.js';

export const credentialsContext = defineContext({
  name: 'credentials',
  events: [...credentialEvents, ...statusListEvents],
  deciders: [credentialDecider, statusListDecider],
  projections: [registerProjection, verificationProjection, walletProjection, dueWorkProjection],
  reactors: [issueOnEarned, applyPolicy, supersedeOnReplacement],
  timekeepers: [componentExpiryClock, credentialExpiryClock, renewalClock, reminderClock],
  messages: [
    IssueCredentialMessage,
    RenewCredentialMessage,
    RevokeCredentialMessage,
    FlagCredentialMessage,
    UnflagCredentialMessage,
    SuspendCredentialMessage,
    ReinstateCredentialMessage,
    ExpireCredentialMessage,
    NoteRenewalWindowMessage,
    RequestRenewalReminderMessage,
    SupersedeCredentialMessage,
  ],
});

@Module({
  controllers: [
    IssueCredentialRoute,
    RenewCredentialRoute,
    RevokeCredentialRoute,
    SuspendCredentialRoute,
    BulkRoute,
    ExplainCredentialRoute,
    CredentialRegisterRoute,
    WalletRoute,
    VerifyCredentialRoute,
    PresentedRoute,
    AchievementRoute,
    StatusListRoute,
  ],
  providers: [
    SigningDesk,
    IssueCredentialHandler,
    RenewCredentialHandler,
    NoteRenewalWindowHandler,
    RequestRenewalReminderHandler,
    SupersedeCredentialHandler,
    RevokeCredentialHandler,
    FlagCredentialHandler,
    UnflagCredentialHandler,
    SuspendCredentialHandler,
    ReinstateCredentialHandler,
    ExpireCredentialHandler,
    BulkItems,
    BulkRun,
    CredentialLocator,
    CredentialReading,
    VerifyCredentialHandler,
    ExplainCredentialHandler,
    PresentedVerifier,
    AchievementHandler,
    StatusLists,
  ],
  exports: [CredentialReading, PresentedVerifier],
})
export class CredentialsModule {}
