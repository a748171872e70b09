// Flags come from the record's policy only: no route sends them.
import { CommandHandler } from '@nestjs/cqrs';
import { CommandMessage, DecidedHandler } from '@cairn/platform';
import type { FlagCredential, UnflagCredential } from '../contracts/credential.commands.js';

export class FlagCredentialMessage extends CommandMessage<FlagCredential> {
  static readonly type = 'FlagCredential';
}
@CommandHandler(FlagCredentialMessage)
export class FlagCredentialHandler extends DecidedHandler {}

export class UnflagCredentialMessage extends CommandMessage<UnflagCredential> {
  static readonly type = 'UnflagCredential';
}
@CommandHandler(UnflagCredentialMessage)
export class UnflagCredentialHandler extends DecidedHandler {}
