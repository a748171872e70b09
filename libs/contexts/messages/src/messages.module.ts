// One list: everything that this context adds to the application.
import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  DeliveryPolicyRoutes,
  SetDeliveryPolicyHandler,
  SetDeliveryPolicyMessage,
} from './commands/delivery-policy.js';
import {
  DeliverCredentialHandler,
  DeliverCredentialMessage,
  OutboxActs,
  ReportBounceHandler,
  ReportBounceMessage,
  RequestMessageHandler,
  RequestMessageMessage,
  ResendMessageHandler,
  ResendMessageMessage,
} from './commands/outbox-acts.js';
import { SendMessageHandler, SendMessageMessage } from './commands/send-message.js';
import { deliveryPolicySet, messageEvents } from './contracts/message.events.js';
import { deliveryPolicyDecider } from './domain/delivery-policy.decider.js';
import { messageDecider } from './domain/message.decider.js';
import { deliveryPoliciesProjection } from './projections/delivery-policies.projection.js';
import { outboxProjection } from './projections/outbox.projection.js';
import { OutboxRoutes } from './queries/outbox.js';
import { tellLearner } from './reactors/tell-learner.reactor.js';
import { messageClock } from './timekeepers/message-clock.timekeeper.js';

export const messagesContext = defineContext({
  name: 'messages',
  events: [...messageEvents, deliveryPolicySet],
  deciders: [messageDecider, deliveryPolicyDecider],
  projections: [outboxProjection, deliveryPoliciesProjection],
  reactors: [tellLearner],
  timekeepers: [messageClock],
  messages: [
    RequestMessageMessage,
    SendMessageMessage,
    ResendMessageMessage,
    ReportBounceMessage,
    DeliverCredentialMessage,
    SetDeliveryPolicyMessage,
  ],
});

@Module({
  controllers: [OutboxActs, OutboxRoutes, DeliveryPolicyRoutes],
  providers: [
    RequestMessageHandler,
    SendMessageHandler,
    ResendMessageHandler,
    ReportBounceHandler,
    DeliverCredentialHandler,
    SetDeliveryPolicyHandler,
  ],
})
export class MessagesModule {}
