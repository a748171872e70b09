// Sending one message: find out what is so now, hand it over, record what came of it. SMTP knows no transaction: a process
// that dies between the server's answer and our record sends it again, under the same Message-ID, by which mail programs
// show it once.
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  publicId,
  uuidv5,
  type CommandOutcome,
  type CredentialId,
  type FactLoader,
  type Issued,
  type LearnerId,
  type TenantId,
} from '@cairn/kernel';
import { templateFold, templateStream } from '@cairn/contexts/catalog';
import { credentialStream } from '@cairn/contexts/credentials';
import { goesOnAs, learnerFold, learnerStream } from '@cairn/contexts/learners';
import { issuerFold, issuerStream, tenantFold, tenantStream } from '@cairn/contexts/tenancy';
import { CommandMessage, CONFIGURATION, INSTALLATION, type Configuration, type Installation } from '@cairn/platform';
import { systemTimers } from '@cairn/runtime';
import { KeyDestroyed } from '@cairn/vault';
import type { DeliveryOutcome, RecordDelivery, SendMessage } from '../contracts/message.commands.js';
import { deliveryStream, messageStream } from '../contracts/message.events.js';
import { credentialNowFold, type CredentialNow } from '../domain/credential-now.fold.js';
import { deliveryPolicyFold } from '../domain/delivery-policy.decider.js';
import { messageDecider, type MessageState } from '../domain/message.decider.js';
import { decideSending } from '../domain/sending.js';
import { compose, languageOf } from '../domain/texts.js';

export class SendMessageMessage extends CommandMessage<SendMessage> {
  static readonly type = 'SendMessage';
}

/** What lies sealed in the blob vault. */
export type WrittenMessage = {
  readonly to: { readonly name?: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
};

/** The Message-ID, without brackets: the same for every try and every copy. */
export const messageIdHeader = (messageId: string, baseUrl: string): string =>
  `${publicId('msg', messageId)}@${new URL(baseUrl).hostname}`;

@CommandHandler(SendMessageMessage)
export class SendMessageHandler implements ICommandHandler<SendMessageMessage> {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  async execute({ issued }: SendMessageMessage): Promise<CommandOutcome> {
    const { executor } = this.installation;
    const { messageId } = issued.data;
    const stream = messageStream(issued.tenant, messageId);
    const { state, revision } = await executor.snapshot(messageDecider, stream);
    const { requested, status } = state;
    // Sent meanwhile: there is nothing left to do.
    if (!requested || status !== 'waiting')
      return { accepted: true, outcome: 'unchanged', replayed: false, stream, revision, position: '', events: [] };
    const record: Issued<RecordDelivery> = {
      ...issued,
      // Asked for again while the clock of a sandbox stands, it is due at the same instant: another try all the same.
      commandId: uuidv5(issued.commandId, revision),
      type: 'RecordDelivery',
      data: { messageId, outcome: await this.send(issued, requested) },
    };
    return executor.execute(record);
  }

  private async send(
    { tenant, now }: Issued<SendMessage>,
    message: NonNullable<MessageState['requested']>,
  ): Promise<DeliveryOutcome> {
    const { executor, mail } = this.installation;
    const { loader } = executor;
    const addressee = await goesOnAs(loader.fold, tenant, message.learnerId);
    const [learner, credential, { policy }] = await Promise.all([
      loader.fold(learnerFold, learnerStream(tenant, addressee)),
      loader.fold(credentialNowFold, credentialStream(tenant, message.credentialId)),
      loader.fold(deliveryPolicyFold, deliveryStream(tenant)),
    ]);
    const profile = learner.status === 'registered' ? learner.profile.reveal() : undefined;
    const sending = decideSending({ message, credential, profile, policy, now });
    if ('instead' in sending) return sending.instead;
    const language = languageOf(profile?.language, policy?.language);
    const facts = await this.textFacts(loader, tenant, credential);
    const { subject, text } = compose(language, {
      ...facts,
      kind: message.kind,
      ...(sending.to.name === undefined ? {} : { name: sending.to.name }),
      url: this.pageOf(message.credentialId),
      ...(credential.validUntil === undefined ? {} : { validUntil: credential.validUntil }),
      now,
    });
    const written: WrittenMessage = { to: sending.to, subject, text };
    const contentHash = await this.keep(tenant, addressee, written);
    if (contentHash === undefined) return { kind: 'suppressed', reasonCode: 'learner-erased' };
    const answer = await mail.send({
      ...written,
      messageId: messageIdHeader(message.messageId, this.configuration.baseUrl),
      language,
      date: new Date(now),
    });
    const reply = 'reply' in answer && answer.reply !== undefined ? { reply: answer.reply } : {};
    switch (answer.outcome) {
      case 'taken':
        return { kind: 'handed-over', channel: mail.channel, language, addressee, contentHash };
      case 'later':
        return { kind: 'later', spread: systemTimers.random(), ...reply };
      case 'refused':
        return { kind: 'refused', reasonCode: 'address-refused', ...reply };
      default:
        return answer satisfies never;
    }
  }

  private pageOf(credential: CredentialId): string {
    return `${this.configuration.baseUrl}/c/${publicId('crd', credential)}`;
  }

  private async textFacts(loader: FactLoader, tenant: TenantId, { issued }: CredentialNow) {
    if (!issued) throw new Error('a message about a credential that was never issued');
    const { templateId, templateVersion, issuerId } = issued;
    const [template, issuer, owner] = await Promise.all([
      loader.foldHaving(
        templateFold,
        templateStream(tenant, templateId),
        ({ versions }) => versions.length >= templateVersion,
      ),
      loader.foldHaving(issuerFold, issuerStream(tenant, issuerId), ({ registered }) => registered !== undefined),
      loader.foldHaving(tenantFold, tenantStream(tenant), ({ registered }) => registered !== undefined),
    ]);
    const { name = '', zone = 'UTC' } = issuer.registered ?? {};
    return {
      title: template.versions[templateVersion - 1]?.achievement.name ?? {},
      issuer: name,
      zone,
      sandbox: owner.registered?.sandboxClock !== undefined,
    };
  }

  /** Sealed before it is sent, so that the outbox shows whatever went out; undefined: erased in this very moment. */
  private async keep(tenant: TenantId, learner: LearnerId, written: WrittenMessage): Promise<string | undefined> {
    try {
      return await this.installation.blobVault.put({ tenant, learner }, Buffer.from(JSON.stringify(written)));
    } catch (error) {
      if (error instanceof KeyDestroyed) return undefined;
      throw error;
    }
  }
}
