// Topics of Kafka: making those that are missing, and how far groups have read them.
import type { Admin, Kafka } from 'kafkajs';
import { patiently } from './client.ts';

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** Messages behind the end of the partition. */
  readonly lag: number;
}

export interface KafkaTopics extends AsyncDisposable {
  /** Connected with the first use; rejects while no broker answers. */
  admin(): Promise<Admin>;
  missing(topics: readonly string[]): Promise<string[]>;
  ensure(topics: readonly string[]): Promise<void>;
  lag(group: string, topics: readonly string[]): Promise<PartitionLag[]>;
}

/** `partitionsPerTopic` is of topics made from now on. */
export function openKafkaTopics(kafka: Pick<Kafka, 'admin'>, partitionsPerTopic = 4): KafkaTopics {
  const known = new Set<string>();
  let connecting: Promise<Admin> | undefined;

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
  const missing = async (topics: readonly string[]): Promise<string[]> => {
    const unknown = [...new Set(topics)].filter((topic) => !known.has(topic));
    if (unknown.length === 0) return [];
    const existing = new Set(await (await admin()).listTopics());
    for (const topic of unknown) if (existing.has(topic)) known.add(topic);
    return unknown.filter((topic) => !existing.has(topic));
  };

  return {
    admin,
    missing,

    async ensure(topics) {
      const toMake = await missing(topics);
      if (toMake.length === 0) return;
      // Two processes may make the same one at once: kafkajs answers false to the second. Replicas: the broker's default.
      const client = await admin();
      await patiently(() =>
        client.createTopics({
          waitForLeaders: true,
          topics: toMake.map((topic) => ({ topic, numPartitions: partitionsPerTopic, replicationFactor: -1 })),
        }),
      );
      for (const topic of toMake) known.add(topic);
    },

    async lag(group, topics) {
      const client = await admin();
      const groupOffsets = await client.fetchOffsets({ groupId: group, topics: [...topics] });
      const lags = topics.map(async (topic) => {
        const committed = new Map(
          groupOffsets
            .find((each) => each.topic === topic)
            ?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
        );
        // Nothing committed: the group begins at the oldest message that is there.
        return (await client.fetchTopicOffsets(topic)).map(({ partition, high, low }) => ({
          topic,
          partition,
          lag: Number(high) - Math.max(Number(low), committed.get(partition) ?? 0),
        }));
      });
      return (await Promise.all(lags)).flat();
    },

    async [Symbol.asyncDispose]() {
      const connected = await connecting?.catch(() => undefined);
      await connected?.disconnect();
    },
  };
}
