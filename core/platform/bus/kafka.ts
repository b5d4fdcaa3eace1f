// The bus on Apache Kafka, through kafkajs.
import type { Admin } from 'kafkajs';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Bus, Subscription } from './bus.ts';
import { createKafkaClient, type KafkaOptions, patiently } from './kafka-client.ts';
import { subscribeToKafka } from './kafka-consumer.ts';
import { createKafkaProducer } from './kafka-producer.ts';
import { readAllOfKafka } from './kafka-read-all.ts';
import { keepAtLeast } from './kafka-retention.ts';
import { topicId } from './kafka-topic-id.ts';

export interface KafkaBusOptions extends KafkaOptions {
  /** Of topics made from now on. */
  readonly partitionsPerTopic?: number;
  readonly metrics?: Metrics;
}

/** Connects with the first use; while no broker answers, calls reject and subscriptions try again. */
export async function openKafkaBus(options: KafkaBusOptions): Promise<Bus> {
  const { brokers, log, metrics, partitionsPerTopic = 4 } = options;
  const kafka = createKafkaClient(options);
  const producer = createKafkaProducer(kafka, () => metrics?.busSends.inc());
  const subscriptions = new Set<Subscription>();
  const knownTopics = new Set<string>();
  let connecting: Promise<Admin> | undefined;
  let closing: Promise<void> | undefined;

  const assertOpen = (): void => {
    if (closing) throw new Error('the bus is closed');
  };
  const admin = (): Promise<Admin> => {
    connecting ??= (async () => {
      const created = kafka.admin({ retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 } });
      try {
        await created.connect();
        return created;
      } catch (error) {
        connecting = undefined;
        throw error;
      }
    })();
    return connecting;
  };
  const missingTopics = async (topics: readonly string[]): Promise<string[]> => {
    const unknown = [...new Set(topics)].filter((topic) => !knownTopics.has(topic));
    if (unknown.length === 0) return [];
    const existing = new Set(await (await admin()).listTopics());
    for (const topic of unknown) if (existing.has(topic)) knownTopics.add(topic);
    return unknown.filter((topic) => !existing.has(topic));
  };
  const ensureTopics = async (topics: readonly string[]): Promise<void> => {
    const missing = await missingTopics(topics);
    if (missing.length === 0) return;
    // Two processes may make the same one at once: kafkajs answers false to the second. Replicas: the broker's default.
    const client = await admin();
    await patiently(() =>
      client.createTopics({
        waitForLeaders: true,
        topics: missing.map((topic) => ({ topic, numPartitions: partitionsPerTopic, replicationFactor: -1 })),
      }),
    );
    for (const topic of missing) knownTopics.add(topic);
  };

  const close = async (): Promise<void> => {
    await Promise.all([...subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()));
    await producer[Symbol.asyncDispose]();
    const connected = await connecting?.catch(() => undefined);
    await connected?.disconnect();
  };

  return {
    async ensureTopics(topics, { keepMs } = {}) {
      assertOpen();
      await ensureTopics(topics);
      if (keepMs !== undefined) await keepAtLeast(await admin(), topics, keepMs, log);
    },

    async publish(topic, messages) {
      assertOpen();
      // A send to a topic that is not there would be tried again and again before it fails.
      if ((await missingTopics([topic])).length > 0) throw new Error(`no such topic: ${topic}`);
      await producer.publish(topic, messages);
    },

    subscribe(subscription) {
      assertOpen();
      const joined = subscribeToKafka({
        kafka,
        admin,
        ensureTopics: () => ensureTopics(subscription.topics),
        subscription,
        log,
      });
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
      await readAllOfKafka(kafka, await admin(), topics, visit);
    },

    async lag(group, topics) {
      assertOpen();
      const client = await admin();
      const groupOffsets = await client.fetchOffsets({ groupId: group, topics: [...topics] });
      const lags = topics.map(async (topic) => {
        const committed = new Map(
          groupOffsets
            .find((each) => each.topic === topic)
            ?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
        );
        return (await client.fetchTopicOffsets(topic)).map(({ partition, high, low }) => ({
          topic,
          partition,
          lag: Number(high) - Math.max(Number(low), committed.get(partition) ?? 0),
        }));
      });
      return (await Promise.all(lags)).flat();
    },

    async epoch(topic) {
      assertOpen();
      return topicId(brokers, topic);
    },

    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}
