// A Kafka broker with its data in a folder of ours: one node in KRaft mode, its libraries from Maven Central.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '../../core/platform/telemetry/log.ts';
import { createKafkaClient } from '../../kafka/client.ts';
import { freePort } from '../free-port.ts';
import { fetchLibraries } from './maven.ts';
import { startDaemon, waitUntilAnswers } from './process.ts';
import type { Place, RunningService } from './state.ts';

const kafkaVersion = '4.1.1';
const log4jVersion = '2.24.3';

export interface KafkaPlace extends Place {
  /** Further ways in, through proxies: who comes to `port` is told to go on at `advertisedPort`. */
  readonly proxied?: readonly { readonly port: number; readonly advertisedPort: number }[];
}

export async function startKafka(
  programs: { readonly java: string; readonly maven: string },
  { folder, port, proxied = [] }: KafkaPlace,
): Promise<RunningService> {
  const home = join(folder, 'kafka');
  mkdirSync(home, { recursive: true });
  const libraries = fetchLibraries(programs.maven, {
    title: 'Kafka',
    name: 'kafka',
    version: kafkaVersion,
    libraries: [
      { group: 'org.apache.kafka', artifact: 'kafka_2.13', version: kafkaVersion },
      { group: 'org.apache.logging.log4j', artifact: 'log4j-slf4j-impl', version: log4jVersion },
    ],
  });
  const properties = join(home, 'server.properties');
  const data = join(home, 'data');
  writeFileSync(properties, serverProperties({ port, proxied, controllerPort: await freePort(), data }));
  const logging = join(home, 'log4j2.properties');
  writeFileSync(logging, loggingProperties);
  const java = (...args: string[]): string[] => [
    `-Dlog4j2.configurationFile=${logging}`,
    ...['-cp', join(libraries, '*')],
    ...args,
  ];
  if (!existsSync(join(data, 'meta.properties'))) {
    const clusterId = randomBytes(16).toString('base64url');
    const format = java('kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties);
    execFileSync(programs.java, format, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  const logFile = join(folder, 'kafka.log');
  const process = startDaemon({
    command: programs.java,
    args: ['-Xms256m', '-Xmx512m', ...java('kafka.Kafka', properties)],
    folder: home,
    logFile,
    mark: properties,
  });
  const url = `127.0.0.1:${port}`;
  await waitUntilAnswers('Kafka', () => pingKafka(url), { process, logFile });
  return { url, port, process };
}

/** Rejects when it does not answer. */
export async function pingKafka(brokers: string): Promise<void> {
  const kafka = createKafkaClient({ brokers: brokers.split(','), clientId: 'services', log: silentLog });
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    await admin.describeCluster();
  } finally {
    await admin.disconnect();
  }
}

interface Listener {
  readonly name: string;
  readonly port: number;
  /** What clients are told. */
  readonly advertisedPort: number;
}

const serverProperties = (
  options: Pick<Required<KafkaPlace>, 'port' | 'proxied'> & { controllerPort: number; data: string },
): string => {
  const clients: readonly Listener[] = [
    { name: 'PLAINTEXT', port: options.port, advertisedPort: options.port },
    ...options.proxied.map((each, index) => ({ name: `PROXIED${index + 1}`, ...each })),
  ];
  const controller = { name: 'CONTROLLER', port: options.controllerPort };
  const addresses = (listeners: readonly { name: string; port: number }[]): string =>
    listeners.map(({ name, port }) => `${name}://127.0.0.1:${port}`).join(',');
  return `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${options.controllerPort}
listeners=${addresses([...clients, controller])}
advertised.listeners=${addresses(clients.map(({ name, advertisedPort }) => ({ name, port: advertisedPort })))}
listener.security.protocol.map=${[...clients, controller].map(({ name }) => `${name}:PLAINTEXT`).join(',')}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=${options.data}
num.partitions=4
auto.create.topics.enable=false
# One node: nothing to replicate to.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A consumer need not wait for others that never come.
group.initial.rebalance.delay.ms=0
log.retention.hours=168
`;
};

const loggingProperties = `
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;
