// A member of a group on real Kafka: what its neighbours, a slow handler and the end of its session do to its work.
import { randomUUID } from 'node:crypto';
import type { Admin, Kafka, Producer } from 'kafkajs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../tests/services.ts';
import { until } from '../tests/until.ts';
import { createKafkaClient } from './client.ts';
import { type ReceivedMessage, type Subscription, subscribeToKafka } from './consumer.ts';
import { type KafkaTopics, openKafkaTopics } from './topics.ts';

const log = { debug: () => {}, warn: () => {}, error: () => {} };
/** As short as brokers allow by default. */
const sessionTimeoutMs = 6_000;

describeWith('kafka', 'a member of a group on Kafka', (address) => {
  const kafka = createKafkaClient({ brokers: address.split(','), clientId: 'consumer-test', log });
  const made: string[] = [];
  let topics: KafkaTopics;
  let admin: Admin;
  let producer: Producer;
  let topic: string;
  let group: string;

  beforeAll(async () => {
    topics = openKafkaTopics(kafka, 2);
    admin = await topics.admin();
    producer = kafka.producer();
    await producer.connect();
  });
  afterAll(async () => {
    await admin.deleteTopics({ topics: made });
    await producer.disconnect();
    await topics[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    topic = `member.${randomUUID()}`;
    group = `group-${randomUUID()}`;
    made.push(topic);
    await topics.ensure([topic]);
  });

  const send = (partition: number, values: readonly string[]) =>
    producer.send({ topic, messages: values.map((value) => ({ key: 'k', value, partition })) });
  const numbered = (partition: number, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${partition}-${index}`);
  /** Messages of the group that are not committed. */
  const left = async (): Promise<number> => (await topics.lag(group, [topic])).reduce((sum, { lag }) => sum + lag, 0);
  const described = async () => {
    const { groups } = await admin.describeGroups([group]);
    return { state: groups[0]?.state, members: groups[0]?.members.map(({ memberId }) => memberId) };
  };

  /** What happens to one member, in order. */
  interface Diary {
    readonly entries: readonly string[];
    readonly joins: number;
  }
  const join = (work: (message: ReceivedMessage, signal: AbortSignal) => Promise<void>): Subscription & Diary => {
    const entries: string[] = [];
    const watched: Pick<Kafka, 'consumer'> = {
      consumer(config) {
        const consumer = kafka.consumer(config);
        consumer.on(consumer.events.GROUP_JOIN, () => entries.push('joined'));
        return consumer;
      },
    };
    const subscription = subscribeToKafka({
      kafka: watched,
      topics,
      subscription: {
        group,
        topics: [topic],
        from: 'beginning',
        async handle([message], signal) {
          const told = (): unknown => entries.push('told to stop');
          signal.addEventListener('abort', told, { once: true });
          entries.push(`began ${message.value}`);
          await work(message, signal);
          signal.removeEventListener('abort', told);
          entries.push(`did ${message.value}`);
        },
      },
      log,
      sessionTimeoutMs,
    });
    return {
      ...subscription,
      entries,
      get joins() {
        return entries.filter((entry) => entry === 'joined').length;
      },
    };
  };

  it('keeps its partition while a handler runs longer than the session, and runs it once', {
    timeout: 60_000,
  }, async () => {
    await send(0, ['long', 'next', 'last']);
    const finish = Promise.withResolvers<void>();
    await using member = join(({ value }) => (value === 'long' ? finish.promise : Promise.resolve()));
    await until('it has begun', () => member.entries.includes('began long'), { timeoutMs: 20_000 });
    const before = await described();
    const began = performance.now();
    const sessionIsOver = () => performance.now() - began > 1.5 * sessionTimeoutMs;
    await until('a silent member would be gone', sessionIsOver, { timeoutMs: 3 * sessionTimeoutMs });
    expect(await described()).toEqual(before);
    expect(before).toEqual({ state: 'Stable', members: [expect.any(String)] });
    finish.resolve();
    await until('all is committed', async () => (await left()) === 0, { timeoutMs: 20_000 });
    expect(member.entries).toEqual([
      'joined',
      'began long',
      'did long',
      'began next',
      'did next',
      'began last',
      'did last',
    ]);
  });

  it('stops after the message in hand when another one joins, and nothing is lost or done twice', {
    timeout: 60_000,
  }, async () => {
    const each = 30;
    await send(0, numbered(0, each));
    await send(1, numbered(1, each));
    const done: string[] = [];
    /** Slow, and deaf to the signal: it finishes what it has begun. */
    const work = async ({ value }: ReceivedMessage): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      done.push(value);
    };
    await using first = join(work);
    await until('it is in the middle of both batches', () => done.includes('0-2') && done.includes('1-2'), {
      timeoutMs: 20_000,
    });
    await using second = join(work);
    await until('all is committed', async () => (await left()) === 0, { timeoutMs: 40_000 });

    expect(new Set(done)).toEqual(new Set([...numbered(0, each), ...numbered(1, each)]));
    expect(done, 'what was in hand was committed before the other one got it').toHaveLength(2 * each);
    const stopped = first.entries.indexOf('told to stop');
    const again = first.entries.indexOf('joined', stopped);
    expect(stopped).toBeGreaterThan(0);
    expect(first.entries.slice(stopped, again).filter((entry) => entry.startsWith('began'))).toEqual([]);
    expect(second.entries.filter((entry) => entry.startsWith('did')).length, 'they share the rest').toBeGreaterThan(0);
    expect(first.joins + second.joins, 'the group has settled').toBeLessThanOrEqual(4);
    expect(await described()).toMatchObject({ state: 'Stable', members: [expect.any(String), expect.any(String)] });
  });

  it('keeps the group calm while many join and leave in the middle of a backlog', { timeout: 120_000 }, async () => {
    const each = 60;
    await send(0, numbered(0, each));
    await send(1, numbered(1, each));
    const done: string[] = [];
    const work = async ({ value }: ReceivedMessage): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      done.push(value);
    };
    await using steady = join(work);
    const rounds = 3;
    for (let round = 0; round < rounds; round += 1) {
      const before = done.length;
      await until('it has got on', () => done.length >= before + 4, { timeoutMs: 20_000 });
      await using passing = join(work);
      await passing.ready;
    }
    await until('all is committed', async () => (await left()) === 0, { timeoutMs: 60_000 });
    expect(new Set(done).size).toBe(2 * each);
    expect(done.length - 2 * each, 'at most what was in hand is done again').toBeLessThanOrEqual(2 * 2 * rounds);
    expect(steady.joins, 'one for each coming and each going').toBeLessThanOrEqual(1 + 2 * rounds);
  });
});
