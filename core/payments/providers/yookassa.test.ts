import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PartnerRefusal } from '../../platform/http/partner.ts';
import type { Company } from './company.testing.ts';
import { providerContract } from './contract.testing.ts';
import { publishedNetworks, yookassaProvider } from './yookassa.ts';
import { agent, shop, startYookassaServer } from './yookassa-server.testing.ts';

let company: Company;
beforeAll(async () => {
  company = await startYookassaServer();
});
afterAll(() => company?.[Symbol.asyncDispose]());

describe('YooKassa', () => {
  providerContract({
    name: 'yookassa',
    company: () => company,
    config: () => ({
      paymentProviders: ['yookassa'],
      yookassa: { ...shop, ...agent, apiUrl: company.url, currencies: ['RUB', 'JPY', 'KWD'] },
    }),
    destination: { type: 'sbp', phone: '79001234567', bank_id: '100000000111' },
    forged: ({ headers, body }) => ({ headers: { ...headers, 'x-forwarded-for': '203.0.113.7' }, body }),
  });
});

describe('a notification', () => {
  const present = {
    id: '1',
    status: 'pending',
    amount: { value: '100.00', currency: 'RUB' },
    metadata: { reference: 'r' },
  };
  const asked: string[] = [];
  const provider = yookassaProvider({
    partner: async ({ path }) => {
      asked.push(path);
      if (path.endsWith('/stranger')) throw new PartnerRefusal('get', 404, { code: 'not_found' });
      return path.endsWith('/other') ? { ...present, metadata: {} } : present;
    },
    payouts: undefined,
    networks: publishedNetworks,
  });
  const hears = (address: string | null, notification: unknown) =>
    provider.hearWebhook(
      new Headers(address === null ? {} : { 'x-forwarded-for': address }),
      new TextEncoder().encode(JSON.stringify(notification)),
      new Date(),
    );
  const succeeded = (id: string) => ({ type: 'notification', event: 'payment.succeeded', object: { id } });

  it.each([
    '185.71.76.0',
    '185.71.76.31',
    '185.71.77.9',
    '77.75.153.127',
    '77.75.156.35',
    '77.75.154.200',
    '2a02:5180::1',
  ])('is heard from %s', async (address) => {
    expect(await hears(address, succeeded('1'))).not.toBeNull();
  });

  it.each([
    '185.71.76.32',
    '185.71.78.1',
    '77.75.153.128',
    '77.75.156.12',
    '77.75.154.127',
    '2a02:5181::1',
    'nonsense',
    null,
  ])('is not heard from %s, and nobody is asked', async (address) => {
    asked.length = 0;
    await expect(hears(address, succeeded('1'))).rejects.toMatchObject({ code: 'invalid-signature' });
    expect(asked).toEqual([]);
  });

  it('is not believed: what it tells of is asked about', async () => {
    expect(await hears('185.71.76.1', succeeded('1'))).toMatchObject({
      eventId: 'payment.succeeded:1',
      payment: { status: 'pending', amount: { amount: 100_00, currency: 'RUB' } },
    });
    await expect(hears('185.71.76.1', succeeded('stranger'))).rejects.toMatchObject({ name: 'ProviderRefusal' });
  });

  it('of something else is none of ours', async () => {
    expect(await hears('185.71.76.1', succeeded('other'))).toBeNull();
    expect(await hears('185.71.76.1', { ...succeeded('1'), event: 'payout.succeeded' })).toBeNull();
    await expect(hears('185.71.76.1', { type: 'greeting' })).rejects.toMatchObject({ code: 'invalid-field' });
  });
});

describe('what a status means', () => {
  const meaning = async (status: string, reason?: string, refunded?: string) => {
    const provider = yookassaProvider({
      partner: async () => ({
        id: '1',
        status,
        amount: { value: '100.00', currency: 'RUB' },
        ...(refunded ? { refunded_amount: { value: refunded, currency: 'RUB' } } : {}),
        ...(reason ? { cancellation_details: { party: 'yoo_money', reason } } : {}),
        metadata: { reference: 'r' },
      }),
      payouts: undefined,
      networks: publishedNetworks,
    });
    return (await provider.get('1')).status;
  };

  it.each([
    ['pending', undefined, undefined, 'pending'],
    ['waiting_for_capture', undefined, undefined, 'authorized'],
    ['succeeded', undefined, undefined, 'captured'],
    ['succeeded', undefined, '99.99', 'captured'],
    ['succeeded', undefined, '100.00', 'refunded'],
    ['canceled', 'insufficient_funds', undefined, 'declined'],
    ['canceled', 'expired_on_confirmation', undefined, 'cancelled'],
    ['canceled', 'expired_on_capture', undefined, 'cancelled'],
  ])('%s (%s, back: %s) is %s', async (status, reason, refunded, expected) => {
    expect(await meaning(status, reason, refunded)).toBe(expected);
  });
});
