// The event source on Apache Kafka, through kafkajs.
import { createKafkaClient } from '../kafka/client.ts';
import { subscribeToKafka } from '../kafka/consumer.ts';
import { topicId } from '../kafka/topic-id.ts';
import { openKafkaTopics } from '../kafka/topics.ts';
import type { Log } from './log.ts';
import type { EventSource } from './source.ts';

export interface KafkaSourceOptions {
  readonly brokers: readonly string[];
  readonly log: Log;
}

/** Connects with the first use; while no broker answers, calls reject and subscriptions try again. */
export function openKafkaSource({ brokers, log }: KafkaSourceOptions): EventSource & AsyncDisposable {
  const kafka = createKafkaClient({ brokers, clientId: 'lotok-realtime', log });
  const topics = openKafkaTopics(kafka);

  return {
    subscribe: (subscription) => subscribeToKafka({ kafka, topics, subscription, log }),

    lag: (group, names) => topics.lag(group, names),

    // Core makes the topic, too; whoever comes first does, and the other finds it there.
    async epoch(topic) {
      await topics.ensure([topic]);
      return topicId(brokers, topic);
    },

    [Symbol.asyncDispose]: () => topics[Symbol.asyncDispose](),
  };
}
