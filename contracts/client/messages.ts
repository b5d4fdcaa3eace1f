// What a client hears, by the name of the event: the contract's types without its code.
import type { z } from 'zod';
import type { clientMessages } from '../asyncapi.ts';

export type LiveMessages = {
  readonly [Name in keyof typeof clientMessages]: z.output<(typeof clientMessages)[Name][0]>;
};
export type LiveEvent = keyof LiveMessages;

/** One message of a channel, or with a reset one word about all of them. */
export interface Heard {
  /** Null for a reset. */
  readonly channel: string | null;
  readonly event: string;
  readonly data: unknown;
  /** The places of all channels once this is heard. */
  readonly id: string;
}
