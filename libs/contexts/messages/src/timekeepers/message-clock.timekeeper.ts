import { defineTimekeeper, type DueItem } from '@cairn/kernel';
import type { SendMessage } from '../contracts/message.commands.js';

/** Messages that are to go out. Others than those of this house are waited for, so nothing else waits behind them. */
export const messageClock = defineTimekeeper<DueItem>({
  name: 'message-clock',
  kind: 'message',
  command: ({ subject }): SendMessage => ({ type: 'SendMessage', data: { messageId: subject } }),
  tolerates: [],
  apart: true,
});
