import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createKafkaClient } from '../kafka/client.ts';
import { describeWith } from '../tests/services.ts';
import { until } from '../tests/until.ts';
import { openKafkaSource } from './kafka.ts';
import { silentLog } from './log.ts';
import type { EventSource, Received, SourceMessage, SourceSubscriptionOptions } from './source.ts';
import { type Issuer, readStream, startIssuer, startNode, userId } from './world.testing.ts';

describeWith('kafka', 'the event source on Kafka', (address) => {
  const brokers = address.split(',');
  const kafka = createKafkaClient({ brokers, clientId: 'test', log: silentLog });
  const admin = kafka.admin();
  const producer = kafka.producer();
  const topics: string[] = [];

  beforeAll(() => Promise.all([admin.connect(), producer.connect()]));
  afterAll(async () => {
    await admin.deleteTopics({ topics });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });

  const createTopic = async (topic = `test-realtime-${randomUUID()}`): Promise<string> => {
    topics.push(topic);
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] });
    return topic;
  };
  const say = (topic: string, key: string, value: unknown, headers: Record<string, string> = {}) =>
    producer.send({ topic, messages: [{ key, value: JSON.stringify(value), headers }] });
  const open = () => openKafkaSource({ brokers, log: silentLog });

  it('hands over what is retained and what comes, in order, and again what was not handled', async () => {
    const topic = await createTopic();
    await say(topic, 'user:a', 1, { traceparent: 'x' });
    await using source = open();
    const heard: SourceMessage[] = [];
    let refusals = 2;
    await using subscription = source.subscribe({
      group: topic,
      topics: [topic],
      from: 'beginning',
      async handle([message]) {
        if (message.value === '2' && refusals-- > 0) throw new Error('not now');
        heard.push(message);
      },
    });
    await subscription.ready;
    await say(topic, 'user:a', 2);
    await say(topic, 'user:a', 3);
    await until('all have come', () => heard.length === 3, { timeoutMs: 20_000 });
    expect(heard.map(({ value }) => value)).toEqual(['1', '2', '3']);
    expect(heard[0]).toMatchObject({ key: 'user:a', offset: 0, headers: { traceparent: 'x' } });
    expect(Math.abs(Date.now() - Number(heard[0]?.timestamp))).toBeLessThan(60_000);
    await until('nothing is left', async () => (await source.lag(topic, [topic])).every(({ lag }) => lag === 0));
  });

  it('goes on after a restart where it was, and knows what is left', async () => {
    const topic = await createTopic();
    const heard: string[] = [];
    const handle = async ([{ value }]: Received) => void heard.push(value);
    await using source = open();
    const first = source.subscribe({ group: topic, topics: [topic], from: 'beginning', handle });
    await say(topic, 'k', 1);
    await until('the first came', () => heard.length === 1, { timeoutMs: 20_000 });
    await first[Symbol.asyncDispose]();
    await say(topic, 'k', 2);
    expect((await source.lag(topic, [topic])).reduce((sum, { lag }) => sum + lag, 0)).toBe(1);
    await using _second = source.subscribe({ group: topic, topics: [topic], from: 'beginning', handle });
    await until('the second came', () => heard.length === 2, { timeoutMs: 20_000 });
    expect(heard).toEqual(['1', '2']);
  });

  it('tells a handler to stop when another node comes, and hands over again what it has not done', async () => {
    const topic = await createTopic();
    await say(topic, 'k', 1);
    await using source = open();
    const began = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const done: string[] = [];
    const subscribe = (handle: SourceSubscriptionOptions['handle']) =>
      source.subscribe({ group: topic, topics: [topic], from: 'beginning', handle });
    await using _first = subscribe(async ([{ value }], signal) => {
      if (!signal.aborted && done.length === 0) {
        began.resolve();
        // As long as Redis hangs, say: only the signal ends it.
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        stopped.resolve();
        done.push('stopped');
        throw new Error('not done');
      }
      done.push(value);
    });
    await began.promise;
    await using _second = subscribe(async ([{ value }]) => void done.push(value));
    await stopped.promise;
    await until('it is handed over again', () => done.length === 2, { timeoutMs: 20_000 });
    expect(done).toEqual(['stopped', '1']);
    await until('nothing is left', async () => (await source.lag(topic, [topic])).every(({ lag }) => lag === 0));
  });

  it('names the life of a topic, and another when it was made anew', async () => {
    const topic = await createTopic();
    await using source = open();
    const before = await source.epoch(topic);
    expect(await source.epoch(topic)).toBe(before);
    await admin.deleteTopics({ topics: [topic] });
    await until('the topic is made anew', async () => {
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2, replicationFactor: 1 }] });
      return (await source.epoch(topic)) !== before;
    });
  });

  describeWith('redis', 'with Redis beside it', (redisUrl) => {
    let issuer: Issuer;
    beforeAll(async () => {
      issuer = await startIssuer();
    });
    afterAll(() => issuer[Symbol.asyncDispose]());

    it('two nodes share the work, and each serves every message', async () => {
      const topic = await createTopic();
      await using kafkaSource = open();
      // The nodes' own topic is everybody's here, so this one stands in for it.
      const source: EventSource = {
        subscribe: (options) => kafkaSource.subscribe({ ...options, topics: [topic], group: topic }),
        lag: () => kafkaSource.lag(topic, [topic]),
        epoch: () => kafkaSource.epoch(topic),
      };
      await using one = await startNode(issuer, source, { REDIS_URL: redisUrl });
      await using two = await startNode(issuer, source, { REDIS_URL: redisUrl });
      await until(
        'both are ready',
        async () => (await fetch(`${one.url}/readyz`)).ok && (await fetch(`${two.url}/readyz`)).ok,
        { timeoutMs: 20_000 },
      );
      const bearer = { authorization: `Bearer ${await issuer.token()}` };
      using first = await readStream(`${one.url}/v1/stream?channels=ad:1,ad:2,ad:3`, bearer);
      using second = await readStream(`${two.url}/v1/stream?channels=ad:1,ad:2,ad:3`, bearer);
      const channels = [`user:${userId}`, 'ad:1', 'ad:2', 'ad:3'];
      for (const channel of channels) await say(topic, channel, { event: 'ad.changed', data: { channel } });
      const sorted = (reader: typeof first) => reader.received.map(({ data }) => data['channel']).toSorted();
      await first.has(4);
      await second.has(4);
      expect(sorted(first)).toEqual(channels.toSorted());
      expect(sorted(second)).toEqual(channels.toSorted());
      using resumed = await readStream(`${two.url}/v1/stream?channels=ad:1,ad:2,ad:3`, {
        ...bearer,
        'last-event-id': first.received[1]?.id ?? '',
      });
      await resumed.has(2);
      expect(resumed.received.map(({ data }) => data['channel']).toSorted()).toEqual(
        first.received
          .slice(2)
          .map(({ data }) => data['channel'])
          .toSorted(),
      );
    });
  });
});
