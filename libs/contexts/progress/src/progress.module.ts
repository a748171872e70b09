import { Global, Module } from '@nestjs/common';
import { DECISION_REPLAY, RECORD_PREVIEW, type DecisionReplay } from '@cairn/contexts/credentials';
import { defineContext, INSTALLATION, type Installation } from '@cairn/platform';
import {
  CloseRecordHandler,
  CloseRecordMessage,
  CreditComponentHandler,
  CreditComponentMessage,
  DecisionRoutes,
  GrantCredentialHandler,
  GrantCredentialMessage,
  GrantRenewalHandler,
  GrantRenewalMessage,
  WaiveRequirementHandler,
  WaiveRequirementMessage,
  WithdrawComponentHandler,
  WithdrawComponentMessage,
  WithdrawRenewalHandler,
  WithdrawRenewalMessage,
  WithdrawWaiverHandler,
  WithdrawWaiverMessage,
} from './commands/decisions.js';
import {
  EnrollLearnerHandler,
  EnrollLearnerMessage,
  EnrollmentRoutes,
  MoveEnrollmentHandler,
  MoveEnrollmentMessage,
  ReinstateEnrollmentHandler,
  ReinstateEnrollmentMessage,
  WithdrawEnrollmentHandler,
  WithdrawEnrollmentMessage,
} from './commands/enrollments.js';
import {
  AcceptExternalCredentialHandler,
  AcceptExternalCredentialMessage,
  DeclineExternalCredentialHandler,
  DeclineExternalCredentialMessage,
  RecordExternalCredentialHandler,
  RecordExternalCredentialMessage,
  RecordExternalVerificationHandler,
  RecordExternalVerificationMessage,
  ExternalCredentialRoutes,
} from './commands/external-credentials.js';
import {
  AbsorbRecordHandler,
  AbsorbRecordMessage,
  CarryOutMergeHandler,
  CarryOutMergeMessage,
  CarryOutUnmergeHandler,
  CarryOutUnmergeMessage,
  ReleaseRecordHandler,
  ReleaseRecordMessage,
  ReopenRecordHandler,
  ReopenRecordMessage,
  MergeDesk,
  MergeRoutes,
} from './commands/merges.js';
import {
  CompleteModuleHandler,
  CompleteModuleMessage,
  InvalidateCompletionHandler,
  InvalidateCompletionMessage,
  ModuleRoutes,
  StartModuleHandler,
  StartModuleMessage,
} from './commands/modules.js';
import { CompletionImport } from './commands/completion-import.js';
import { ImportRoute } from './commands/imports.js';
import { UndoRoutes, UndoRun } from './commands/undo-run.js';
import { SimulationRoutes } from './commands/simulations.js';
import { externalCredentialEvents } from './contracts/external-credential.events.js';
import { FOREIGN_VERIFIER, verifiesNothing } from './contracts/foreign-verifier.js';
import { recordEvents } from './contracts/record.events.js';
import { decideAgain } from './domain/decide-again.js';
import { externalCredentialDecider } from './domain/external-credential.decider.js';
import { recordDecider } from './domain/record.decider.js';
import { externalCredentialsProjection } from './projections/external-credentials.projection.js';
import { learnerProgressProjection } from './projections/learner-progress.projection.js';
import { EnrollmentQueries } from './queries/enrollments.js';
import { createRecordPreview } from './queries/record-preview.js';
import { ShadowQueries, ShadowReport } from './queries/shadow.js';
import { SimulationReport } from './queries/simulation-report.js';
import { Simulator } from './queries/simulation.js';
import { WhyNotHandler, WhyNotRoute } from './queries/why-not.js';
import { creditExternal } from './reactors/credit-external.reactor.js';
import { enrollAutomatic } from './reactors/enroll-automatic.reactor.js';
import { stackOnCredential } from './reactors/stack-on-credential.reactor.js';

export const progressContext = defineContext({
  name: 'progress',
  events: [...recordEvents, ...externalCredentialEvents],
  deciders: [recordDecider, externalCredentialDecider],
  projections: [learnerProgressProjection, externalCredentialsProjection],
  reactors: [enrollAutomatic, stackOnCredential, creditExternal],
  messages: [
    EnrollLearnerMessage,
    WithdrawEnrollmentMessage,
    ReinstateEnrollmentMessage,
    MoveEnrollmentMessage,
    StartModuleMessage,
    CompleteModuleMessage,
    InvalidateCompletionMessage,
    WaiveRequirementMessage,
    WithdrawWaiverMessage,
    CreditComponentMessage,
    WithdrawComponentMessage,
    GrantCredentialMessage,
    GrantRenewalMessage,
    WithdrawRenewalMessage,
    CloseRecordMessage,
    AbsorbRecordMessage,
    ReleaseRecordMessage,
    ReopenRecordMessage,
    CarryOutMergeMessage,
    CarryOutUnmergeMessage,
    RecordExternalCredentialMessage,
    RecordExternalVerificationMessage,
    AcceptExternalCredentialMessage,
    DeclineExternalCredentialMessage,
  ],
});

/** Global: explanations and previews of another context ask what the record decided, and what it would. */
@Global()
@Module({
  controllers: [
    EnrollmentRoutes,
    ModuleRoutes,
    DecisionRoutes,
    EnrollmentQueries,
    WhyNotRoute,
    UndoRoutes,
    SimulationRoutes,
    ShadowQueries,
    ExternalCredentialRoutes,
    ImportRoute,
    MergeRoutes,
  ],
  providers: [
    UndoRun,
    CompletionImport,
    EnrollLearnerHandler,
    WithdrawEnrollmentHandler,
    ReinstateEnrollmentHandler,
    MoveEnrollmentHandler,
    StartModuleHandler,
    CompleteModuleHandler,
    InvalidateCompletionHandler,
    WaiveRequirementHandler,
    WithdrawWaiverHandler,
    CreditComponentHandler,
    WithdrawComponentHandler,
    GrantCredentialHandler,
    GrantRenewalHandler,
    WithdrawRenewalHandler,
    CloseRecordHandler,
    AbsorbRecordHandler,
    ReleaseRecordHandler,
    ReopenRecordHandler,
    CarryOutMergeHandler,
    CarryOutUnmergeHandler,
    MergeDesk,
    RecordExternalCredentialHandler,
    RecordExternalVerificationHandler,
    AcceptExternalCredentialHandler,
    DeclineExternalCredentialHandler,
    { provide: FOREIGN_VERIFIER, useValue: verifiesNothing },
    WhyNotHandler,
    Simulator,
    SimulationReport,
    ShadowReport,
    {
      provide: DECISION_REPLAY,
      inject: [INSTALLATION],
      useFactory:
        ({ executor }: Installation): DecisionReplay =>
        (record, decision) =>
          decideAgain(executor.loader, record, decision),
    },
    { provide: RECORD_PREVIEW, inject: [INSTALLATION], useFactory: createRecordPreview },
  ],
  exports: [DECISION_REPLAY, RECORD_PREVIEW],
})
export class ProgressModule {}
