// The bus on Kafka keeps the bus's contract.
import { randomUUID } from 'node:crypto';
import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKafkaClient } from '../../../kafka/client.ts';
import { describeWith } from '../../../tests/services.ts';
import { silentLog } from '../telemetry/log.ts';
import { busContract } from './contract.ts';
import { openKafkaBus } from './kafka.ts';

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

  describe('retention', () => {
    const admin: Admin = createKafkaClient(options).admin();
    const topics: string[] = [];
    beforeAll(() => admin.connect());
    afterAll(async () => {
      await admin.deleteTopics({ topics });
      await admin.disconnect();
    });
    const newName = (): string => {
      const name = `retention.${randomUUID()}`;
      topics.push(name);
      return name;
    };
    const settings = async (name: string): Promise<Record<string, string>> => {
      const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name };
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] });
      const entries = resources[0]?.configEntries ?? [];
      return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
    };
    const make = (topic: string, own: Record<string, string>) =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, configEntries: Object.entries(own).map(([name, value]) => ({ name, value })) }],
      });
    const day = 24 * 3_600_000;

    it('of a topic is as long as asked for, whether the topic is new or there already', async () => {
      await using bus = await openKafkaBus(options);
      const [fresh, old] = [newName(), newName()];
      await make(old, { 'retention.ms': String(day), 'max.message.bytes': '500000' });
      await bus.ensureTopics([fresh, old], { keepMs: 60 * day });
      expect(await settings(fresh)).toMatchObject({ 'retention.ms': String(60 * day) });
      expect(await settings(old), 'what somebody else has set stays').toMatchObject({
        'retention.ms': String(60 * day),
        'max.message.bytes': '500000',
      });
    });

    it('is left alone where it is longer, endless, or not asked for', async () => {
      await using bus = await openKafkaBus(options);
      const [longer, endless, plain] = [newName(), newName(), newName()];
      await make(longer, { 'retention.ms': String(90 * day) });
      await make(endless, { 'retention.ms': '-1' });
      await make(plain, { 'retention.ms': String(day) });
      await bus.ensureTopics([longer, endless], { keepMs: 60 * day });
      await bus.ensureTopics([plain]);
      expect(await settings(longer)).toMatchObject({ 'retention.ms': String(90 * day) });
      expect(await settings(endless)).toMatchObject({ 'retention.ms': '-1' });
      expect(await settings(plain)).toMatchObject({ 'retention.ms': String(day) });
    });
  });
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
