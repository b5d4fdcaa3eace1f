// The bus: durable, partitioned topics with consumer groups. Adapters: embedded.ts, kafka.ts.

export interface OutgoingMessage {
  /** Messages of one key stay in order: they share a partition. */
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface IncomingMessage extends OutgoingMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: Date;
}

export interface SubscriptionOptions {
  /** Subscribers of one group share the partitions; each message reaches one of them. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group that has no committed offset yet begins. */
  readonly from: 'beginning' | 'end';
  /** How many of the messages that wait in a partition are handled in one call; one by default. */
  readonly atOnce?: number;
  /**
   * Called once at a time per partition, in order. Offsets are committed only after it resolves.
   * A rejection is logged and the same messages come again after a growing pause (so a handler
   * that gives up on a message must resolve, having put it somewhere: see consumer.ts and its `.dlq`).
   * `signal` fires when the subscription ends or the partition is taken away.
   */
  readonly handle: (messages: Incoming, signal: AbortSignal) => Promise<void>;
}

/** At least one, of one partition, in order. */
export type Incoming = readonly [IncomingMessage, ...IncomingMessage[]];

export interface Subscription extends AsyncDisposable {
  /** Resolves once partitions are assigned and messages flow. */
  readonly ready: Promise<void>;
}

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** Messages behind the end of the partition. */
  readonly lag: number;
}

export interface TopicOptions {
  /** Messages are kept at least so long, also on topics that are there already. The bus's own setting when not given. */
  readonly keepMs?: number;
}

export interface Bus extends AsyncDisposable {
  /** Makes topics that are missing. */
  ensureTopics(topics: readonly string[], options?: TopicOptions): Promise<void>;
  /** Resolves when all messages are stored durably; rejects when that is not certain (then send again). */
  publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void>;
  subscribe(options: SubscriptionOptions): Subscription;
  /**
   * Shows every message that the topics keep now, one at a time, in order within each partition, and resolves; what is
   * published meanwhile is left out. It moves nobody's offsets. A rejection of `visit` ends it.
   */
  readAll(topics: readonly string[], visit: (message: IncomingMessage) => void | Promise<void>): Promise<void>;
  lag(group: string, topics: readonly string[]): Promise<PartitionLag[]>;
  /** A name for the present life of a topic: changes when it was made anew, so that offsets of another life are told apart. */
  epoch(topic: string): Promise<string>;
}
