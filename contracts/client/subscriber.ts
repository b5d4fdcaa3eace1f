// One part of the app that listens: the present state first, then what follows, without a hole between the two.
import { backoffMs, pause } from './backoff.ts';
import type { Heard, LiveEvent, LiveMessages } from './messages.ts';

/** `start` at the beginning; else why what was missed is out of reach. */
export type PresentReason = 'start' | LiveMessages['reset']['reason'] | 'missed_by_tab';

type News = Exclude<LiveEvent, 'reset'>;

export interface Subscription {
  /** Public channels beside one's own, such as `ad:ID` and `category:bicycles`. */
  readonly channels?: readonly string[];
  /** Of one's own channel only what concerns this order. */
  readonly order?: string;
  /** What to do with each kind of message; those without a handler are passed over. */
  readonly on: {
    readonly [Name in News]?: (data: LiveMessages[Name], about: { readonly channel: string }) => void;
  };
  /**
   * Loads the present state: at the beginning, and whenever history did not reach back to where we were. Messages
   * wait until it is done and come after it; it is tried again when it fails. Some of them may tell what it knew.
   */
  readonly present?: (why: PresentReason) => void | Promise<void>;
}

/** Messages that may wait for a state that is being loaded; with more the state is loaded anew. */
const mostHeld = 1_000;

export class Subscriber {
  readonly subscription: Subscription;
  readonly #random: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #closing = new AbortController();
  /** Null: live, nothing is held back. Undefined: not begun. */
  #held: Heard[] | null | undefined;
  #loading = 0;

  constructor(
    subscription: Subscription,
    { random, onError }: { readonly random: () => number; readonly onError: (error: unknown) => void },
  ) {
    this.subscription = subscription;
    this.#random = random;
    this.#onError = onError;
  }

  get begun(): boolean {
    return this.#held !== undefined;
  }

  begin(why: PresentReason): void {
    this.#held = [];
    this.#loading += 1;
    void this.#load(why, this.#loading);
  }

  hear(heard: Heard): void {
    if (this.#held === undefined || !this.#concerns(heard)) return;
    if (this.#held === null) this.#deliver(heard);
    else if (this.#held.push(heard) > mostHeld) this.begin('too_slow');
  }

  close(): void {
    this.#closing.abort();
  }

  async #load(why: PresentReason, loading: number): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        await this.subscription.present?.(why);
        break;
      } catch (error) {
        this.#onError(error);
        await pause(backoffMs(failures, 0, this.#random), this.#closing.signal).over;
      }
      if (this.#closing.signal.aborted || this.#loading !== loading) return;
    }
    if (this.#closing.signal.aborted || this.#loading !== loading) return;
    const held = this.#held ?? [];
    this.#held = null;
    for (const heard of held) this.#deliver(heard);
  }

  #concerns({ channel, data }: Heard): boolean {
    const { channels = [], order } = this.subscription;
    if (channel === null) return true;
    if (!channel.startsWith('user:')) return channels.includes(channel);
    return order === undefined || (data as { order_id?: unknown } | null)?.order_id === order;
  }

  #deliver({ event, data, channel }: Heard): void {
    if (this.#closing.signal.aborted) return;
    // Kinds that a newer server knows and this client doesn't have no handler.
    const handlers = this.subscription.on as Readonly<
      Record<string, ((data: unknown, about: { channel: string }) => void) | undefined>
    >;
    const handler = Object.hasOwn(handlers, event) ? handlers[event] : undefined;
    try {
      handler?.(data, { channel: channel ?? '' });
    } catch (error) {
      // One handler's mistake must not cost others their messages.
      this.#onError(error);
    }
  }
}
