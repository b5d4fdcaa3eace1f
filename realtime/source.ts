// The event source: where a realtime node hears `realtime.v1`. A subset of core's bus, and Kafka in kafka.ts.

export interface SourceMessage {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: Date;
}

/** At least one, of one partition, in order. */
export type Received = readonly [SourceMessage, ...SourceMessage[]];

export interface SourceSubscriptionOptions {
  /** Subscribers of one group share the partitions. */
  readonly group: string;
  readonly topics: readonly string[];
  readonly from: 'beginning';
  /** How many of the messages that wait in a partition are handled in one call; one by default. */
  readonly atOnce?: number;
  /** One call at a time per partition, in order; messages whose handling is rejected come again. */
  readonly handle: (messages: Received, signal: AbortSignal) => Promise<void>;
}

export interface SourceSubscription extends AsyncDisposable {
  readonly ready: Promise<void>;
}

export interface EventSource {
  subscribe(options: SourceSubscriptionOptions): SourceSubscription;
  /** Messages of each partition that the group has not handled yet. */
  lag(group: string, topics: readonly string[]): Promise<readonly { readonly lag: number }[]>;
  /** A name for the present life of a topic, so that offsets of another life are told apart. */
  epoch(topic: string): Promise<string>;
}
