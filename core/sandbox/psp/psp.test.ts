import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PaymentsServiceService } from '../../../proto/generated/lotok/payments/v1/payments.ts';
import { until } from '../../../tests/until.ts';
import { payments } from '../../payments/index.ts';
import type { PaymentsTables } from '../../payments/store.ts';
import { startWorld, type World } from '../world.testing.ts';

let world: World<PaymentsTables, typeof PaymentsServiceService>;
beforeAll(async () => {
  world = await startWorld(payments, PaymentsServiceService);
});
afterAll(() => world?.[Symbol.asyncDispose]());

const api = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`${world.url}/sandbox/psp/v1${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${world.secretOf('psp-api-key')}`,
      'idempotency-key': randomUUID(),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
};
const rub = (amount: number) => ({ amount, currency: 'RUB' });
const newPayment = () => ({
  reference: randomUUID(),
  amount: rub(1_234_56),
  description: 'Велосипед <b>"Стелс"</b>',
  return_url: 'http://shop.example/orders/7',
  capture: false,
});
const creates = async () => {
  const { body } = await api('POST', '/payments', newPayment());
  return body['id'] ?? '';
};
const statusOf = async (id: string) => (await api('GET', `/payments/${id}`)).body['status'];

/** A browser without scripts: a page, its form's fields, and what a button does. */
const opens = async (path: string, language = 'ru') => {
  const response = await fetch(world.url + path, { headers: { 'accept-language': language }, redirect: 'manual' });
  return { response, html: await response.text() };
};
const sends = async (path: string, html: string, fields: Record<string, string>) => {
  const token = /name="token" value="([^"]+)"/.exec(html)?.[1] ?? '';
  const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '';
  const response = await fetch(new URL(action.replaceAll('&amp;', '&'), world.url + path), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token, ...fields }),
    redirect: 'manual',
  });
  return { response, html: await response.text() };
};
const page = (id: string) => `/sandbox/psp/pay/${id}`;

describe('the payment page', () => {
  it('shows what is paid, to whom, and lets nothing foreign in', async () => {
    const id = await creates();
    const { response, html } = await opens(page(id));
    expect(html).toContain('<html lang="ru">');
    expect(html).toContain('1\u00a0234,56\u00a0₽');
    expect(html).toContain('shop.example');
    expect(html).toContain('&lt;b&gt;');
    expect(html).not.toContain('<b>');
    expect(html).not.toContain('<script');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' http:\/\/shop\.example;/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect((await opens(page(id), 'en-GB,en;q=0.9')).html).toContain('Pay for your order');
    expect((await opens(page('pay_nobody'))).response.status).toBe(404);
  });

  it.each([
    ['approve', 'authorized'],
    ['decline', 'declined'],
    ['later', 'pending'],
  ])('leads back to the shop after “%s”', async (choice, status) => {
    const id = await creates();
    const { html } = await opens(page(id));
    const { response } = await sends(page(id), html, { choice });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('http://shop.example/orders/7');
    expect(await statusOf(id)).toBe(status);
  });

  it('takes no form of another site', async () => {
    const id = await creates();
    const { html } = await opens(page(id));
    const { response } = await sends(page(id), html.replace(/name="token" value="[^"]+"/, ''), { choice: 'approve' });
    expect(response.status).toBe(422);
    expect(await statusOf(id)).toBe('pending');
  });

  it('says how it stands when somebody was quicker', async () => {
    const id = await creates();
    const { html } = await opens(page(id));
    await api('POST', `/payments/${id}/cancel`, {});
    const { response } = await sends(page(id), html, { choice: 'approve' });
    expect(response.status).toBe(303);
    expect((await opens(page(id))).html).toContain('Платёж отменён магазином');
    expect(await statusOf(id)).toBe('cancelled');
  });

  const begins = async () => {
    const id = await creates();
    const { response } = await sends(page(id), (await opens(page(id))).html, { choice: 'code' });
    const path = new URL(response.headers.get('location') ?? '', world.url + page(id)).pathname;
    const { html } = await opens(path);
    return { id, path, html, code: /<strong>(\d{6})<\/strong>/.exec(html)?.[1] ?? '' };
  };

  it('asks for a code, and the right one pays', async () => {
    const { id, path, html, code } = await begins();
    const { response } = await sends(path, html, { code: `${code.slice(0, 3)} ${code.slice(3)}` });
    expect(response.headers.get('location')).toBe('http://shop.example/orders/7');
    expect(await statusOf(id)).toBe('authorized');
  });

  it('declines at the third wrong code', async () => {
    const { id, path, html, code } = await begins();
    const wrong = code === '000000' ? '000001' : '000000';
    for (const left of [2, 1]) {
      const answer = await sends(path, html, { code: wrong });
      expect(answer.response.status).toBe(422);
      expect(answer.html).toContain(`Осталось попыток: ${left}`);
    }
    expect((await sends(path, html, { code: wrong })).response.status).toBe(303);
    expect(await statusOf(id)).toBe('declined');
    // Too late for the right one.
    await sends(path, html, { code });
    expect(await statusOf(id)).toBe('declined');
  });
});

describe('the provider’s API', () => {
  it('wants its key, a whole request and an idempotency key', async () => {
    expect((await api('POST', '/payments', newPayment(), { authorization: 'Bearer x' })).status).toBe(401);
    expect((await api('POST', '/payments', { ...newPayment(), amount: rub(-1) })).status).toBe(422);
    expect((await api('POST', '/payments', { ...newPayment(), return_url: 'javascript:alert(1)' })).status).toBe(422);
    expect((await api('POST', '/payments', newPayment(), { 'idempotency-key': '' })).status).toBe(400);
    expect((await api('GET', '/payments/pay_nobody')).status).toBe(404);
  });

  it('does a thing once per key, also at once, and takes a key for one thing only', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const request = newPayment();
    const all = await Promise.all(Array.from({ length: 5 }, () => api('POST', '/payments', request, headers)));
    expect(new Set(all.map(({ body }) => body['id'])).size).toBe(1);
    expect((await api('POST', '/payments', newPayment(), headers)).status).toBe(422);
  });

  it('refuses what the state does not allow', async () => {
    const id = await creates();
    const amount = newPayment().amount;
    expect((await api('POST', `/payments/${id}/capture`, { amount })).status).toBe(409);
    expect((await world.post(`/sandbox/psp/payments/${id}/approve`)).status).toBe(200);
    expect((await world.post(`/sandbox/psp/payments/${id}/approve`)).status).toBe(200);
    expect((await world.post(`/sandbox/psp/payments/${id}/decline`)).status).toBe(409);
    expect((await api('POST', `/payments/${id}/capture`, { amount: rub(1) })).status).toBe(422);
    expect((await api('POST', `/payments/${id}/capture`, { amount })).status).toBe(200);
    expect((await world.post('/sandbox/psp/payments/pay_nobody/approve')).status).toBe(404);
  });

  it('tells again what nobody took', async () => {
    const id = await creates();
    const bodies: string[] = [];
    world.faults.between = async (request, forward) => {
      if (!new URL(request.url).pathname.startsWith('/v1/payments/webhooks/')) return forward();
      const body = await request.text();
      if (body.includes(id)) bodies.push(body);
      return new Response(null, { status: bodies.length < 3 ? 500 : 204 });
    };
    await world.post(`/sandbox/psp/payments/${id}/approve`);
    await until('it was told three times', () => bodies.length === 3);
    world.faults.between = undefined;
    expect(new Set(bodies).size).toBe(1);
  });
});
