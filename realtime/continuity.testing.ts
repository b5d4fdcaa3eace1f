// Continuity, as one who was there judges it: a channel with everything it ever said, and a witness who
// complains of a hole, a repeat, or a loss that nothing explains.
import type { ChannelMessage, Position } from '../contracts/stream.ts';
import type { CatchUp, ChannelSink } from '../contracts/stream-watch.ts';
import { reaches } from './history.ts';

const channel = 'user:a';
const started = 1_000_000;

/** One channel, its whole past, and the part of it that is still kept. */
export class Past {
  readonly said: ChannelMessage[] = [];
  /** Whether something was forgotten, so that a loss can be true. */
  forgotten = false;
  #kept: ChannelMessage[] = [];
  #epoch = 1;
  #offset = 0;

  get epoch(): string {
    return `e${this.#epoch}`;
  }

  get head(): Position {
    return { epoch: this.epoch, offset: this.#kept.at(-1)?.position.offset ?? 0, time: started };
  }

  say(step: number): ChannelMessage {
    this.#offset += step;
    const position = { epoch: this.epoch, offset: this.#offset, time: started };
    const message = {
      channel,
      position,
      previous: this.#kept.at(-1)?.position.offset ?? null,
      event: 'e',
      data: this.#offset,
    };
    this.#kept.push(message);
    this.said.push(message);
    return message;
  }

  /** Keeps only the newest messages. */
  prune(count: number): void {
    if (this.#kept.length <= count) return;
    this.forgotten = true;
    this.#kept = this.#kept.slice(-count);
  }

  /** The history is gone; another one begins. */
  renew(): void {
    this.forgotten = true;
    this.#epoch += 1;
    this.#kept = [];
  }

  read(since: Position | undefined): CatchUp {
    const first = this.#kept[0];
    const last = this.#kept.at(-1);
    if (!since) return { head: this.head, messages: [], gap: false };
    const reached =
      since.epoch === this.epoch && reaches(since, first && last ? { first, last: last.position.offset } : null, 0);
    if (!reached) return { head: this.head, messages: [], gap: true };
    return {
      head: this.head,
      messages: this.#kept.filter(({ position }) => position.offset > since.offset),
      gap: false,
    };
  }

  /** How many messages were said up to a place. */
  countUpTo({ epoch, offset }: Position): number {
    const number = (name: string): number => Number(name.slice(1));
    return this.said.filter(
      ({ position }) =>
        number(position.epoch) < number(epoch) || (position.epoch === epoch && position.offset <= offset),
    ).length;
  }
}

export class Witness implements ChannelSink {
  readonly #past: Past;
  readonly #since: Position | undefined;
  /** Messages of the past that this one has, or knows to have lost; undefined before the backfill. */
  #count: number | undefined;
  readonly complaints: string[] = [];

  constructor(past: Past, since: Position | undefined) {
    this.#past = past;
    this.#since = since;
  }

  caughtUp({ head, messages, gap }: CatchUp): void {
    const target = this.#past.countUpTo(head);
    if (gap) this.#mayLose();
    if (gap || !this.#since) {
      if (messages.length > 0) this.complaints.push('messages behind a gap');
      this.#count = target;
      return;
    }
    this.#count = this.#past.countUpTo(this.#since);
    for (const message of messages) this.message(message);
    if (this.#count !== target) this.complaints.push(`the backfill ends at ${this.#count}, its head is ${target}`);
  }

  message(message: ChannelMessage): void {
    if (this.#count === undefined) this.complaints.push('a message before the backfill');
    const expected = this.#past.said[this.#count ?? 0];
    if (expected?.data !== message.data) this.complaints.push(`heard ${message.data} instead of ${expected?.data}`);
    this.#count = (this.#count ?? 0) + 1;
  }

  lost(head: Position): void {
    this.#mayLose();
    const target = this.#past.countUpTo(head);
    if (target < (this.#count ?? 0)) this.complaints.push('a loss that leads back');
    this.#count = target;
  }

  /** To be asked when everything has arrived. */
  check(): readonly string[] {
    if (this.#count !== this.#past.said.length)
      this.complaints.push(`ended at ${this.#count} of ${this.#past.said.length}`);
    return this.complaints;
  }

  #mayLose(): void {
    if (!this.#past.forgotten) this.complaints.push('a loss without anything forgotten');
  }
}
