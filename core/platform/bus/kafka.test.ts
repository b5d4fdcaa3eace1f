// The bus on Kafka keeps the bus's contract.
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../tests/services.ts';
import { silentLog } from '../telemetry/log.ts';
import { busContract } from './contract.ts';
import { openKafkaBus } from './kafka.ts';
import { createKafkaClient } from './kafka-client.ts';

describeWith('kafka', 'the bus on Kafka', (address) => {
  const options = { brokers: address.split(','), clientId: 'bus-test', log: silentLog };
  busContract(async () => ({
    open: () => openKafkaBus(options),
    async deleteTopic(topic) {
      const admin = createKafkaClient(options).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic] });
      await admin.disconnect();
    },
    async [Symbol.asyncDispose]() {},
  }));
});

describe('the bus on Kafka without a broker', () => {
  it('rejects instead of hanging, and closes', async () => {
    await using bus = await openKafkaBus({ brokers: ['127.0.0.1:1'], clientId: 'bus-test', log: silentLog });
    const subscription = bus.subscribe({ group: 'g', topics: ['t'], from: 'end', handle: async () => {} });
    await expect(bus.publish('t', [{ key: 'a', value: 'b', headers: {} }])).rejects.toThrow();
    await expect(bus.epoch('t')).rejects.toThrow(/no broker/);
    const closed = expect(subscription.ready).rejects.toThrow(/closed/);
    await subscription[Symbol.asyncDispose]();
    await closed;
  });
});
