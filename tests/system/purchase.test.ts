import { randomUUID } from 'node:crypto';
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ad } from '../../contracts/ads.ts';
import type { Order } from '../../contracts/orders.ts';
import type { Problem } from '../../contracts/problem.ts';
import { until } from '../until.ts';
import { Client, type StreamMessage } from './client.ts';
import { startLotok, type TestLotok } from './lotok.ts';

let lotok: TestLotok;
let anyone: Client;
let buyer: Client;
let buyer2: Client;
let forSale: Ad[];
/** Tests buy different ads, so that none waits for another's. */
const nextAd = (): Ad => {
  const ad = forSale.shift();
  if (!ad) throw new Error('no ad left');
  return ad;
};

beforeAll(async () => {
  lotok = await startLotok();
  anyone = new Client(lotok.url);
  buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
  buyer2 = await Client.signIn(lotok.url, 'buyer2@demo.lotok');
  forSale = await anyone.adsForSale();
}, 120_000);
afterAll(() => lotok?.[Symbol.asyncDispose]());

const becomes = (who: Client, order: Order, status: string) =>
  until(`order is ${status}`, async () => (await who.order(order.id)).status === status, { timeoutMs: 15_000 });
const hears = (messages: StreamMessage[], event: string, match: Record<string, unknown>) =>
  until(`stream told ${event} ${JSON.stringify(match)}`, () =>
    messages.some(
      (message) =>
        message.event === event && Object.entries(match).every(([key, value]) => message.data[key] === value),
    ),
  );
const problem = (answer: { status: number; body: unknown; headers: Headers }): Problem => {
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  const body = answer.body as Problem;
  expect(body.status).toBe(answer.status);
  return body;
};

describe('a purchase', () => {
  it('goes from the listing to the accepted parcel, watched live', async () => {
    const watching = new AbortController();
    const messages = await buyer.watches('topics=orders,deliveries,notifications', watching.signal);
    const ad = nextAd();
    const order = await buyer.orders(ad);
    expect(order).toMatchObject({ status: 'pending_payment', payment: { status: 'in_progress' } });
    expect(order.payment.confirmation_url).toContain('http');
    await until(
      'the ad is reserved for everybody',
      async () => (await anyone.get<Ad>(`/v1/ads/${ad.id}`)).body.status === 'reserved',
      { timeoutMs: 3_000 },
    );

    await buyer.pays(order);
    await hears(messages, 'order.status', { order_id: order.id, status: 'paid' });
    const paid = await until('there is a shipment', async () => {
      const now = await buyer.order(order.id);
      return now.delivery.shipment_id ? now : null;
    });
    for (const stage of ['accepted', 'in_transit', 'delivered']) await buyer.parcelIs(paid, stage);
    await hears(messages, 'order.status', { order_id: order.id, status: 'delivered' });
    expect((await buyer.post(`/v1/orders/${order.id}/accept`)).status).toBe(200);
    await hears(messages, 'order.status', { order_id: order.id, status: 'completed' });

    const told = messages
      .filter(({ event, data }) => event === 'order.status' && data['order_id'] === order.id)
      .map(({ data }) => data['status']);
    expect(told.filter((status) => status !== 'pending_payment')).toEqual([
      'paid',
      'in_delivery',
      'delivered',
      'completed',
    ]);
    await until('the seller is paid', async () => (await buyer.order(order.id)).payment.status === 'captured');
    expect((await anyone.get<Ad>(`/v1/ads/${ad.id}`)).body.status).toBe('sold');
    await until('a mail has the order id', async () =>
      String((await anyone.get('/sandbox/mail')).body).includes(order.id),
    );
    watching.abort();
  });

  it('shows a client that returns what it missed, and nothing twice', async () => {
    const first = new AbortController();
    const seen = await buyer.watches('topics=orders', first.signal);
    const order = await buyer.orders(nextAd());
    await hears(seen, 'order.status', { order_id: order.id, status: 'pending_payment' });
    const last = seen.at(-1);
    first.abort();
    await buyer.pays(order);
    await becomes(buyer, order, 'paid');

    const second = new AbortController();
    const missed = await buyer.watches('topics=orders', second.signal, last?.id);
    await hears(missed, 'order.status', { order_id: order.id, status: 'paid' });
    expect(missed.map(({ id }) => id)).not.toContain(last?.id);
    second.abort();
  });
});

describe('bad luck', () => {
  it('sells to one of two buyers at the same moment', async () => {
    const ad = nextAd();
    const answers = await Promise.all([buyer.orderAnswer(ad.id), buyer2.orderAnswer(ad.id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const lost = answers.find(({ status }) => status === 409);
    expect(lost && problem(lost).type).toBe('urn:lotok:problem:ad-reserved');
  });

  it('makes one order of one key, also at once, and refuses the key for something else', async () => {
    const ad = nextAd();
    const key = randomUUID();
    const [one, two] = await Promise.all([buyer.orderAnswer(ad.id, { key }), buyer.orderAnswer(ad.id, { key })]);
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(one.body).toEqual(two.body);
    const other = await buyer.orderAnswer(nextAd().id, { key });
    expect(other.status).toBe(422);
    expect(problem(other).type).toBe('urn:lotok:problem:idempotency-key-reused');
  });

  it('cancels a declined payment, tells why live and by mail, and puts the ad back', async () => {
    const watching = new AbortController();
    const messages = await buyer.watches('topics=orders', watching.signal);
    const ad = nextAd();
    const order = await buyer.orders(ad);
    await buyer.pays(order, 'decline');
    await hears(messages, 'order.status', {
      order_id: order.id,
      status: 'cancelled',
      cancel_reason: 'payment_declined',
    });
    await until(
      'the ad is for sale again',
      async () => (await anyone.get<Ad>(`/v1/ads/${ad.id}`)).body.status === 'active',
    );
    await until('a mail tells it', async () => String((await anyone.get('/sandbox/mail')).body).includes(order.id));
    watching.abort();
  });

  it('voids the payment when the courier refuses the parcel', async () => {
    const ad = nextAd();
    const order = await buyer.orders(ad, { address: 'Москва, refuse, 1' });
    await buyer.pays(order);
    await becomes(buyer, order, 'cancelled');
    expect((await buyer.order(order.id)).cancel_reason).toBe('courier_refused');
    await until('the payment is voided', async () => (await buyer.order(order.id)).payment.status === 'voided');
  });

  it.each(['returned', 'lost'])('refunds a parcel that is %s', async (stage) => {
    const order = await buyer.orders(nextAd());
    await buyer.pays(order);
    const paid = await until('there is a shipment', async () => {
      const now = await buyer.order(order.id);
      return now.delivery.shipment_id ? now : null;
    });
    await buyer.parcelIs(paid, 'accepted');
    await until('the money is taken', async () => (await buyer.order(order.id)).payment.status === 'captured');
    await buyer.parcelIs(paid, stage);
    await becomes(buyer, order, 'cancelled');
    await until('the money is back', async () => (await buyer.order(order.id)).payment.status === 'refunded');
  });

  it('changes nothing on a webhook with a bad signature', async () => {
    const order = await buyer.orders(nextAd());
    for (const path of ['/v1/payments/webhooks/sandbox', '/v1/deliveries/webhooks/sandbox']) {
      const answer = await anyone.post(
        path,
        { id: 'x', type: 'payment.authorized', reference: order.payment.id },
        { 'webhook-signature': 'v1,AAAA', 'x-signature': 't=1,v1=00' },
      );
      expect(answer.status).toBe(401);
      problem(answer);
    }
    expect((await buyer.order(order.id)).payment.status).toBe('in_progress');
  });
});

describe('bad input', () => {
  it('gets 401 without a token, with an expired one, a foreign key or alg none', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const claims = { sub: randomUUID(), sid: 's', roles: ['user'] };
    const issue = (jwt: SignJWT) =>
      jwt
        .setIssuer('https://lotok.internal')
        .setAudience('lotok')
        .setProtectedHeader({ alg: 'ES256', kid: 'x' })
        .sign(privateKey);
    const tokens = [
      undefined,
      'nonsense',
      await issue(new SignJWT(claims).setExpirationTime('1h')),
      await issue(new SignJWT(claims).setExpirationTime('-1h')),
      new UnsecuredJWT(claims)
        .setIssuer('https://lotok.internal')
        .setAudience('lotok')
        .setExpirationTime('1h')
        .encode(),
    ];
    for (const token of tokens) {
      const answer = await new Client(lotok.url, token).get('/v1/orders');
      expect(answer.status).toBe(401);
      expect(problem(answer).type).toBe('urn:lotok:problem:unauthenticated');
    }
  });

  it('gets 404 for another person’s order and 403 for a moderator’s list', async () => {
    const order = await buyer.orders(nextAd());
    const foreign = await buyer2.get(`/v1/orders/${order.id}`);
    expect(foreign.status).toBe(404);
    problem(foreign);
    const forbidden = await buyer.get('/v1/moderation/reports');
    expect(forbidden.status).toBe(403);
    problem(forbidden);
  });

  it('names what is wrong with a body', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const tooLarge = await buyer.post('/v1/orders', { ad_id: 'x'.repeat(200_000) }, key);
    expect(tooLarge.status).toBe(413);
    const wrongType = await buyer.send('POST', '/v1/orders', '<xml/>', { ...key, 'content-type': 'text/xml' });
    expect(wrongType.status).toBe(415);
    const broken = await buyer.post('/v1/orders', '{"ad_id":', key);
    expect(broken.status).toBe(400);
    const invalid = await buyer.post(
      '/v1/orders',
      { ad_id: 'nonsense', delivery: { method: 'courier', address: '1' } },
      key,
    );
    expect(invalid.status).toBe(422);
    expect(problem(invalid).errors?.map((error: { field: string }) => error.field)).toEqual([
      'ad_id',
      'delivery.address',
    ]);
    const keyless = await buyer.post('/v1/orders', {
      ad_id: randomUUID(),
      delivery: { method: 'courier', address: 'Москва' },
    });
    expect(keyless.status).toBe(400);
    expect(problem(keyless).errors?.[0]?.field).toBe('idempotency-key');
  });

  it('takes a complaint at once', async () => {
    const answer = await buyer.post<{ status: string; message: string }>(
      '/v1/reports',
      { subject: { type: 'ad', id: nextAd().id }, reason: 'fraud', comment: '' },
      { 'accept-language': 'en' },
    );
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: 'processing', message: 'Your request is being processed' });
  });
});

describe('the edge in front of it', () => {
  it('serves listings from its cache, and drops them when an ad changes', async () => {
    const first = await anyone.get<{ items: Ad[] }>('/v1/ads?limit=5&sort=oldest');
    const second = await anyone.get('/v1/ads?limit=5&sort=oldest');
    expect(second.headers.get('cache-status')).toMatch(/hit/);
    const tag = first.headers.get('etag') ?? '';
    expect((await anyone.get('/v1/ads?limit=5&sort=oldest', { 'if-none-match': tag })).status).toBe(304);

    const seller = await Client.signIn(lotok.url, 'seller@demo.lotok');
    const mine = await seller.get<{ items: Ad[] }>('/v1/me/ads?status=active');
    const ad = mine.body.items.at(-1);
    if (!ad) throw new Error('the seller has no ad');
    await anyone.get(`/v1/ads/${ad.id}`);
    const price = { amount: ad.price.amount + 100, currency: ad.price.currency };
    expect((await seller.send('PATCH', `/v1/ads/${ad.id}`, { price })).status).toBe(200);
    await until(
      'the new price is out',
      async () => (await anyone.get<Ad>(`/v1/ads/${ad.id}`)).body.price.amount === price.amount,
      { timeoutMs: 1_000 },
    );
  });

  it('answers the aggregates of a screen in one request', async () => {
    const order = await buyer.orders(nextAd());
    const { body } = await buyer.post<{ data: unknown; errors?: unknown }>('/graphql', {
      query: `{ orderPage(id: "${order.id}") { __typename } home { __typename } me { __typename } adPage(id: "${order.ad.id}") { __typename } }`,
    });
    expect(body.errors).toBeUndefined();
    expect(body.data).toMatchObject({ orderPage: {}, home: {}, me: {}, adPage: {} });
  });
});
