import { Inject } from '@nestjs/common';
import type { ICommandHandler } from '@nestjs/cqrs';
import type { CommandOutcome } from '@cairn/kernel';
import type { Installation } from './installation.js';
import type { CommandMessage } from './messages.js';
import { INSTALLATION } from './tokens.js';

/** The thin handler: authorised at the edge, decided by the executor. */
export class DecidedHandler implements ICommandHandler<CommandMessage> {
  constructor(@Inject(INSTALLATION) protected readonly installation: Installation) {}

  execute(message: CommandMessage): Promise<CommandOutcome> {
    return this.installation.executor.execute(message.issued, message.options);
  }
}
