// Outboxes, topics and webhooks: each event comes at least once, those about one thing in their order, and old ones again.
import { type Engine, spread } from './engine.testing.ts';

/** How likely an event comes again. */
export interface Repeats {
  /** The relay, or whoever sends webhooks, ended before it noted what it had sent. */
  readonly sentAgain: number;
  /** The consumer ended before it noted how far it was. */
  readonly readAgain: number;
  /** It could not be processed, was put aside as a dead letter, and is replayed when others are long heard. */
  readonly putAside: number;
}

export const once: Repeats = { sentAgain: 0, readAgain: 0, putAside: 0 };

/** Relays send, and consumers commit, several events at once; so several come again. */
const mostAgain = 3;
const pauseMs = 1_000;
const longestAsideMs = 90 * 60_000;

export class Post {
  repeats: Repeats;
  readonly engine: Engine;

  constructor(engine: Engine, repeats: Repeats) {
    this.engine = engine;
    this.repeats = repeats;
  }
}

/** What becomes of an event in one transaction; false to hear it again a moment later. */
type Hear<Event> = (event: Event, id: number) => boolean;

/** What is told about one thing, and how far it was heard. First occurrences keep their order. */
export class Log<Event> {
  /** All that was told, each once; an event's id is its place. */
  readonly told: Event[] = [];
  readonly #post: Post;
  readonly #hear: Hear<Event>;
  /** Ids as the topic has them. */
  readonly #sent: number[] = [];
  #relayed = 0;
  #next = 0;
  #relaying = false;
  #reading = false;

  constructor(post: Post, hear: Hear<Event>) {
    this.#post = post;
    this.#hear = hear;
  }

  /** In the transaction of what the event tells of. */
  add(event: Event): void {
    this.told.push(event);
    this.#wakeRelay();
  }

  #wakeRelay(): void {
    if (this.#relaying) return;
    this.#relaying = true;
    this.#post.engine.soon(null, () => this.#relay());
  }

  #relay(): void {
    const { engine, repeats } = this.#post;
    this.#relaying = false;
    const from = this.#relayed;
    this.#send(from);
    this.#relayed = this.told.length;
    if (!engine.strikes('sent again', repeats.sentAgain)) return;
    // This relay begins anew; or another one, which was frozen, sends its old batch.
    if (engine.chance.next() < 0.5) {
      this.#relayed = from;
      this.#wakeRelay();
    } else this.#send(Math.max(0, from - engine.chance.whole(0, mostAgain)));
  }

  #send(from: number): void {
    for (let id = from; id < this.told.length; id += 1) this.#sent.push(id);
    this.#wakeReader(0);
  }

  #wakeReader(afterMs: number): void {
    if (this.#reading || this.#next >= this.#sent.length) return;
    this.#reading = true;
    const { engine } = this.#post;
    if (afterMs === 0) engine.soon(null, () => this.#read());
    else engine.at(engine.now + afterMs, null, () => this.#read());
  }

  #read(): void {
    const { engine, repeats } = this.#post;
    this.#reading = false;
    const id = this.#sent[this.#next] as number;
    if (engine.strikes('put aside', repeats.putAside)) {
      this.#replay(id, spread(engine.chance, longestAsideMs));
      this.#next += 1;
    } else if (!this.#hear(this.told[id] as Event, id)) {
      this.#wakeReader(pauseMs);
      return;
    } else if (engine.strikes('read again', repeats.readAgain))
      this.#next = Math.max(0, this.#next - engine.chance.whole(0, mostAgain));
    else this.#next += 1;
    this.#wakeReader(0);
  }

  #replay(id: number, afterMs: number): void {
    const { engine } = this.#post;
    engine.at(engine.now + afterMs, null, () => {
      if (!this.#hear(this.told[id] as Event, id)) this.#replay(id, pauseMs);
    });
  }
}

/** Webhooks of a company that sends each when it likes. */
export class Webhooks<Event> {
  readonly #post: Post;
  readonly #hear: Hear<Event>;
  #sent = 0;

  constructor(post: Post, hear: Hear<Event>) {
    this.#post = post;
    this.#hear = hear;
  }

  add(event: Event): void {
    const id = this.#sent;
    this.#sent += 1;
    this.#post.engine.soon(null, () => this.#send(event, id));
  }

  #send(event: Event, id: number): void {
    const { engine, repeats } = this.#post;
    const answered = this.#hear(event, id);
    if (answered && !engine.strikes('sent again', repeats.sentAgain)) return;
    engine.at(engine.now + (answered ? 0 : pauseMs), null, () => this.#send(event, id));
  }
}
