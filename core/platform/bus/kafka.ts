// The bus on Apache Kafka, through kafkajs.
import { createKafkaClient, type KafkaOptions } from '../../../kafka/client.ts';
import { subscribeToKafka } from '../../../kafka/consumer.ts';
import { topicId } from '../../../kafka/topic-id.ts';
import { openKafkaTopics } from '../../../kafka/topics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Bus, Subscription } from './bus.ts';
import { createKafkaProducer } from './kafka-producer.ts';
import { readAllOfKafka } from './kafka-read-all.ts';
import { keepAtLeast } from './kafka-retention.ts';

export interface KafkaBusOptions extends KafkaOptions {
  /** Of topics made from now on. */
  readonly partitionsPerTopic?: number;
  /** How long a killed process keeps its partitions from others. */
  readonly sessionTimeoutMs?: number;
  readonly metrics?: Metrics;
}

/** Connects with the first use; while no broker answers, calls reject and subscriptions try again. */
export async function openKafkaBus(options: KafkaBusOptions): Promise<Bus> {
  const { brokers, log, metrics, sessionTimeoutMs } = options;
  const kafka = createKafkaClient(options);
  const known = openKafkaTopics(kafka, options.partitionsPerTopic);
  const producer = createKafkaProducer(kafka, () => metrics?.busSends.inc());
  const subscriptions = new Set<Subscription>();
  let closing: Promise<void> | undefined;

  const assertOpen = (): void => {
    if (closing) throw new Error('the bus is closed');
  };
  const close = async (): Promise<void> => {
    await Promise.all([...subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await producer[Symbol.asyncDispose]();
    await known[Symbol.asyncDispose]();
  };

  return {
    async ensureTopics(topics, { keepMs } = {}) {
      assertOpen();
      await known.ensure(topics);
      if (keepMs !== undefined) await keepAtLeast(await known.admin(), topics, keepMs, log);
    },

    async publish(topic, messages) {
      assertOpen();
      // A send to a topic that is not there would be tried again and again before it fails.
      if ((await known.missing([topic])).length > 0) throw new Error(`no such topic: ${topic}`);
      await producer.publish(topic, messages);
    },

    subscribe(subscription) {
      assertOpen();
      const joined = subscribeToKafka({ kafka, topics: known, subscription, log, sessionTimeoutMs });
      const own: Subscription = {
        ready: joined.ready,
        async [Symbol.asyncDispose]() {
          subscriptions.delete(own);
          await joined[Symbol.asyncDispose]();
        },
      };
      subscriptions.add(own);
      return own;
    },

    async readAll(topics, visit) {
      assertOpen();
      await readAllOfKafka(kafka, await known.admin(), topics, visit);
    },

    async lag(group, topics) {
      assertOpen();
      return known.lag(group, topics);
    },

    async epoch(topic) {
      assertOpen();
      return topicId(brokers, topic);
    },

    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}
