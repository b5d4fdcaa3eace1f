// How long topics of Kafka keep their messages.
import kafkajs, { type Admin } from 'kafkajs';
import { type KafkaLog, patiently } from '../../../kafka/client.ts';

// Node can't tell these names of a CommonJS module beforehand.
const { ConfigResourceTypes, ConfigSource, KafkaJSProtocolError } = kafkajs;

/** Raises the retention of topics that keep messages for less, new ones and those that are there. */
export async function keepAtLeast(
  admin: Admin,
  topics: readonly string[],
  keepMs: number,
  log: KafkaLog,
): Promise<void> {
  if (topics.length === 0) return;
  try {
    // A broker hears of new topics a moment after they were made.
    const resources = await patiently(() => tooShort(admin, topics, keepMs));
    if (resources.length > 0) await admin.alterConfigs({ validateOnly: false, resources });
  } catch (error) {
    // Where somebody else makes the topics we may not change them; that is no reason not to run.
    if (!(error instanceof KafkaJSProtocolError && refusals.includes(error.type))) throw error;
    log.warn('bus.retention_not_set', { topics, wantedMs: keepMs, error });
  }
}

const forever = -1;
const refusals = ['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'POLICY_VIOLATION'];

async function tooShort(admin: Admin, topics: readonly string[], keepMs: number) {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name, configNames: [] })),
  });
  return resources.flatMap(({ resourceName, configEntries }) => {
    const present = Number(configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue);
    if (present === forever || present >= keepMs) return [];
    // kafkajs speaks the request that replaces all settings of a topic, so those that somebody made go along.
    const own = configEntries.filter(
      ({ configName, configSource }) => configSource === ConfigSource.TOPIC_CONFIG && configName !== 'retention.ms',
    );
    return {
      type: ConfigResourceTypes.TOPIC,
      name: resourceName,
      configEntries: [
        ...own.map(({ configName, configValue }) => ({ name: configName, value: configValue })),
        { name: 'retention.ms', value: String(keepMs) },
      ],
    };
  });
}
