// The topics in Kafka: where they and their consumers are, and what they hold.
import { readAllOfKafka } from '../../core/platform/bus/kafka-read-all.ts';
import { silentLog } from '../../core/platform/telemetry/log.ts';
import { createKafkaClient, patiently } from '../../kafka/client.ts';
import { groups, type Topics, topicsRead } from './evidence.ts';

export interface KafkaTopics extends Topics, AsyncDisposable {}

export async function openKafkaTopics(brokers: readonly string[]): Promise<KafkaTopics> {
  const kafka = createKafkaClient({ brokers, clientId: 'verify-invariants', log: silentLog });
  const admin = kafka.admin({ retry: { retries: 3 } });
  await admin.connect();
  return {
    async marks() {
      const known = new Set(await admin.listTopics());
      const missing = topicsRead.filter((topic) => !known.has(topic));
      if (missing.length > 0) throw new Error(`Kafka has no topic ${missing.join(', ')}: has core ever run on it?`);
      // Groups first: what they have committed lies below the ends then.
      const places = await Promise.all(
        groups.map(async ([service, groupId]) =>
          (await patiently(() => admin.fetchOffsets({ groupId }))).flatMap(({ topic, partitions }) =>
            partitions.map(({ partition, offset }) => ({
              service,
              topic,
              partition,
              next: Math.max(0, Number(offset)),
            })),
          ),
        ),
      );
      const partitions = await Promise.all(
        topicsRead.map(async (topic) =>
          (await patiently(() => admin.fetchTopicOffsets(topic))).map(({ partition, low, high }) => ({
            topic,
            partition,
            low: Number(low),
            end: Number(high),
          })),
        ),
      );
      return { groups: places.flat(), partitions: partitions.flat() };
    },
    read: (visit) => readAllOfKafka(kafka, admin, topicsRead, visit),
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}
