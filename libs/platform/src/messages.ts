// Commands on Nest's CommandBus: one class for each command.
import { Command as BusCommand } from '@nestjs/cqrs';
import type { Command, CommandOutcome, Issued } from '@cairn/kernel';

export type SendOptions = {
  /** From If-Match: stale is refused, never decided again. */
  readonly expectedRevision?: number;
};

/** A command on the bus. Extend it once for each command and name the type: `static readonly type = 'CompleteModule'`. */
export class CommandMessage<C extends Command = Command> extends BusCommand<CommandOutcome> {
  constructor(
    readonly issued: Issued<C>,
    readonly options: SendOptions = {},
  ) {
    super();
  }
}
