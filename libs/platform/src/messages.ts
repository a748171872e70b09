// Commands on Nest's CommandBus: one class for each command, and the thin handler that hands it to the executor.
import { Inject } from '@nestjs/common';
import { Command as BusCommand, type ICommandHandler } from '@nestjs/cqrs';
import type { Command, CommandOutcome, Issued } from '@cairn/kernel';
import type { SendOptions } from './context.js';
import { INSTALLATION } from './tokens.js';
import type { Installation } from './installation.js';

/** A command on the bus. Extend it once for each command and name the type: `static readonly type = 'CompleteModule'`. */
export class CommandMessage<C extends Command = Command> extends BusCommand<CommandOutcome> {
  constructor(
    readonly issued: Issued<C>,
    readonly options: SendOptions = {},
  ) {
    super();
  }
}

/** The thin handler: authorised at the edge, decided by the executor. */
export class DecidedHandler implements ICommandHandler<CommandMessage> {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  execute(message: CommandMessage): Promise<CommandOutcome> {
    return this.installation.executor.execute(message.issued, message.options);
  }
}
