// The live client in Node, against a real edge and a real realtime node behind a link that breaks.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { edgeConfig } from '../../edge/config.ts';
import { startEdge } from '../../edge/node.ts';
import type { RunningEdge } from '../../edge/node-cluster.ts';
import { orderId, otherOrderId, otherUserId, userId } from '../../realtime/world.testing.ts';
import { type EdgeWorld, startWorld } from '../../tests/edge/world.ts';
import { Link } from '../../tests/faults/link.ts';
import { until } from '../../tests/until.ts';
import { backoffMs } from './backoff.ts';
import type { LiveState } from './connection.ts';
import { type Live, type LiveOptions, openLive } from './live.ts';
import type { PresentReason, Subscription } from './subscriber.ts';

const adChannel = 'ad:0192f0c4-2222-7000-8000-00000000000a';
const own = `user:${userId}`;

let world: EdgeWorld;
let edge: RunningEdge;
let link: Link;
let opened: Live[] = [];

beforeAll(async () => {
  world = await startWorld();
  edge = await startEdge(edgeConfig(world.env));
});
afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  link = await Link.open({ name: 'edge', targets: [edge.port] });
});
afterEach(async () => {
  for (const live of opened) live.close();
  opened = [];
  await link[Symbol.asyncDispose]();
});

interface App {
  readonly live: Live;
  readonly states: string[];
  readonly errors: unknown[];
}

const start = (options: LiveOptions = {}): App => {
  const states: string[] = [];
  const errors: unknown[] = [];
  const live = openLive({
    baseUrl: `http://127.0.0.1:${link.port}`,
    token: () => world.issuer.token(),
    random: () => 0.01,
    onState: ({ state }: LiveState) => states.push(state),
    onError: (error) => errors.push(error),
    ...options,
  });
  opened.push(live);
  return { live, states, errors };
};

/** An app that notes what it hears and when it loads the present state. */
const listen = (live: Live, more: Partial<Subscription> = {}) => {
  const heard: unknown[] = [];
  const loads: PresentReason[] = [];
  const { close } = live.subscribe({
    on: {
      'order.status': ({ status }) => heard.push(status),
      'ad.changed': ({ price }, { channel }) => heard.push([channel, price.amount]),
    },
    present: (why) => void loads.push(why),
    ...more,
  });
  return {
    heard,
    loads,
    close,
    begun: () => until('the present state was loaded', () => loads.length > 0),
    has: (count: number) => until(`${count} messages came`, () => heard.length >= count),
  };
};

/** Streams that the edge serves now. */
const streams = async (): Promise<number> => {
  const text = await (await fetch(`${edge.url}/metrics`)).text();
  return Number(/streams_open\{what="streams"\} (\d+)/.exec(text)?.[1] ?? 0);
};
const servesOnly = (count: number) => until(`${count} streams are open`, async () => (await streams()) === count);

const says = (status: string, order = orderId, channel = own) =>
  world.source.publish(channel, 'order.status', { order_id: order, status, cancel_reason: null, ad_title: 'Bicycle' });
const priced = (amount: number, channel = adChannel) =>
  world.source.publish(channel, 'ad.changed', { ad_id: 'x', status: 'active', price: { amount, currency: 'RUB' } });

describe.each(['sse', 'websocket'] as const)('the live client by %s', (transport) => {
  it('hears its own channel and the public ones it asked for, each part of the app what concerns it', async () => {
    const { live, states } = start({ transport });
    const all = listen(live);
    const order = listen(live, { order: orderId });
    const ad = listen(live, {
      channels: [adChannel],
      on: { 'ad.changed': ({ price }) => ad.heard.push(price.amount) },
    });
    await Promise.all([all.begun(), order.begun(), ad.begun()]);
    says('paid');
    says('cancelled', otherOrderId);
    says('completed', orderId, `user:${otherUserId}`);
    priced(900);
    says('in_delivery');
    await Promise.all([all.has(3), order.has(2), ad.has(1)]);
    expect(all.heard).toEqual(['paid', 'cancelled', 'in_delivery']);
    expect(order.heard).toEqual(['paid', 'in_delivery']);
    expect(ad.heard).toEqual([900]);
    expect(states).toEqual(['connecting', 'live']);
    await servesOnly(1);
  });

  it('comes back after a break with all that was said meanwhile, once and in order', async () => {
    const { live, states } = start({ transport });
    const all = listen(live, { channels: [adChannel] });
    await all.begun();
    says('paid');
    await all.has(1);
    link.refuse();
    says('in_delivery');
    priced(800);
    await until('it waits', () => states.includes('waiting'));
    says('delivered');
    link.mend();
    await all.has(4);
    says('completed');
    await all.has(5);
    expect(all.heard.filter((each) => typeof each === 'string')).toEqual([
      'paid',
      'in_delivery',
      'delivered',
      'completed',
    ]);
    expect(all.heard).toContainEqual([adChannel, 800]);
    expect(all.loads).toEqual(['start']);
  });

  it('notices a connection that died without a word', async () => {
    const { live } = start({ transport, silenceMs: 300 });
    const all = listen(live);
    await all.begun();
    link.halfOpen();
    says('paid');
    link.mend();
    await all.has(1);
    expect(all.heard).toEqual(['paid']);
  });

  it('adds a channel without missing or repeating anything, and without a reset', async () => {
    const { live } = start({ transport });
    const all = listen(live);
    await all.begun();
    says('paid');
    await all.has(1);
    const ad = listen(live, {
      channels: [adChannel],
      on: { 'ad.changed': ({ price }) => ad.heard.push(price.amount) },
    });
    says('in_delivery');
    await ad.begun();
    priced(700);
    says('delivered');
    await Promise.all([all.has(3), ad.has(1)]);
    expect(all.heard).toEqual(['paid', 'in_delivery', 'delivered']);
    expect(ad.heard).toEqual([700]);
    expect(all.loads).toEqual(['start']);
    expect(ad.loads).toEqual(['start']);
  });

  it('renews a token that is refused, and goes on with the new one', async () => {
    const asked: boolean[] = [];
    const { live } = start({
      transport,
      token: ({ refused }) => {
        asked.push(refused);
        return refused ? world.issuer.token() : 'worn-out';
      },
    });
    const all = listen(live);
    await all.begun();
    says('paid');
    await all.has(1);
    expect(asked).toEqual([false, true]);
  });

  it('comes back by itself when its token expires', async () => {
    let lives = 2;
    const { live, states } = start({ transport, token: () => world.issuer.token({ expiresInSeconds: lives }) });
    const all = listen(live);
    await all.begun();
    lives = 600;
    await until('it has a stream by a new token', () => states.filter((state) => state === 'live').length > 1);
    says('paid');
    await all.has(1);
    expect(all.heard).toEqual(['paid']);
    expect(all.loads).toEqual(['start']);
  });

  it('says that nobody is signed in, and stops; a request that is refused for good stops it, too', async () => {
    const { live, states } = start({ transport, token: () => 'worn-out' });
    listen(live);
    await until('it gives up', () => states.at(-1) === 'signed_out');
    const other = start({ transport, token: () => null });
    listen(other.live);
    await until('it gives up', () => other.states.at(-1) === 'signed_out');
  });

  it('goes on where an earlier run of the app ended, or with a reset where that place is unknown', async () => {
    const first = start({ transport });
    const before = listen(first.live);
    await before.begun();
    says('paid');
    await before.has(1);
    const since = first.live.position ?? '';
    first.live.close();
    says('in_delivery');
    const second = start({ transport, since });
    const after = listen(second.live);
    await after.has(1);
    expect(after.heard).toEqual(['in_delivery']);

    const lost = start({ transport, since: since.replace(/@\w+\./, '@another.') });
    const reset = listen(lost.live);
    await until('it is told to read the present state', () => reset.loads.includes('unknown_position'));
  });
});

describe('the live client', () => {
  it('keeps messages back until the present state is there, and tries again when that fails', async () => {
    const { live, errors } = start();
    const steps: string[] = [];
    let fails = 1;
    let finish = (): void => {};
    const loaded = new Promise<void>((resolve) => {
      finish = resolve;
    });
    live.subscribe({
      on: { 'order.status': ({ status }) => steps.push(status) },
      present: async () => {
        steps.push('load');
        if (fails-- > 0) throw new Error('offline');
        await loaded;
        steps.push('loaded');
      },
    });
    const witness = listen(live);
    await until('it loads again', () => steps.length === 2);
    says('paid');
    await witness.has(1);
    expect(steps).toEqual(['load', 'load']);
    finish();
    await until('the message came', () => steps.length === 4);
    expect(steps).toEqual(['load', 'load', 'loaded', 'paid']);
    expect(errors).toMatchObject([{ message: 'offline' }]);
  });

  it("lets no handler's mistake cost another its message", async () => {
    const { live, errors } = start();
    live.subscribe({
      on: {
        'order.status': () => {
          throw new Error('my mistake');
        },
      },
    });
    const all = listen(live);
    await all.begun();
    says('paid');
    await all.has(1);
    expect(errors).toMatchObject([{ message: 'my mistake' }]);
  });

  it('closes a stream that is another person’s: somebody else signed in here meanwhile', async () => {
    const { live, states } = start({ userId: otherUserId });
    const all = listen(live);
    await until('it gives up', () => states.at(-1) === 'signed_out');
    says('paid');
    expect([all.loads, states]).toEqual([[], ['connecting', 'signed_out']]);
    await servesOnly(0);
  });

  it('takes no more public channels than a stream has room for', () => {
    const { live } = start();
    const channels = Array.from({ length: 21 }, (_, index) => `category:c${index}`);
    expect(() => live.subscribe({ channels, on: {} })).toThrow('at most 20');
    live.subscribe({ channels: channels.slice(1), on: {} });
  });

  it('gives up on what the server will never accept, with its words', async () => {
    const states: LiveState[] = [];
    const { live } = start({ onState: (state) => states.push(state) });
    live.subscribe({ channels: ['no such kind'], on: {} });
    await until('it gives up', () => states.at(-1)?.state === 'refused');
    expect(states.at(-1)).toMatchObject({ status: 400 });
  });

  it('waits as long as the server asks, and longer with each failure, never all at the same moment', () => {
    expect(backoffMs(0, 1_500, () => 0.9)).toBe(1_500);
    expect(backoffMs(1, 2_000, () => 0.5)).toBe(2_500);
    expect([1, 2, 3, 4, 10, 50].map((failures) => backoffMs(failures, 0, () => 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 30_000, 30_000,
    ]);
    expect(backoffMs(5, 0, () => 0)).toBe(0);
  });
});

describe('tabs that share a connection', () => {
  const shared = () => start({ userId, share: true });

  it('hears everything in each tab over one connection, also when the leading tab closes', async () => {
    const tabs = [shared(), shared(), shared()];
    const parts = tabs.map(({ live }) => listen(live));
    await Promise.all(parts.map((part) => part.begun()));
    says('paid');
    await Promise.all(parts.map((part) => part.has(1)));
    await servesOnly(1);

    // The first one leads: it asked for the lock first.
    tabs[0]?.live.close();
    says('in_delivery');
    await Promise.all(parts.slice(1).map((part) => part.has(2)));
    says('delivered');
    await Promise.all(parts.slice(1).map((part) => part.has(3)));
    for (const part of parts.slice(1)) {
      expect(part.heard).toEqual(['paid', 'in_delivery', 'delivered']);
      expect(part.loads).toEqual(['start']);
    }
    expect(parts[0]?.heard).toEqual(['paid']);
    await servesOnly(1);
  });

  it('listens for the public channels of all tabs, and a tab without room there has a connection of its own', async () => {
    const first = listen(shared().live, { channels: [adChannel] });
    const many = Array.from({ length: 19 }, (_, index) => `category:c${index}`);
    const second = listen(shared().live, { channels: many });
    await Promise.all([first.begun(), second.begun()]);
    await servesOnly(1);
    priced(100);
    priced(200, 'category:c7');
    await Promise.all([first.has(1), second.has(1)]);
    expect(first.heard).toEqual([[adChannel, 100]]);
    expect(second.heard).toEqual([['category:c7', 200]]);
    const third = listen(shared().live, { channels: ['category:one-more'] });
    await third.begun();
    priced(300, 'category:one-more');
    await third.has(1);
    await servesOnly(2);
  });

  it('keeps people apart', async () => {
    const mine = listen(shared().live);
    const theirs = listen(
      start({ userId: otherUserId, share: true, token: () => world.issuer.token({ sub: otherUserId }) }).live,
    );
    await Promise.all([mine.begun(), theirs.begun()]);
    says('paid');
    says('completed', orderId, `user:${otherUserId}`);
    await Promise.all([mine.has(1), theirs.has(1)]);
    expect([mine.heard, theirs.heard]).toEqual([['paid'], ['completed']]);
  });
});
