import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type Listener, listen } from './listen.ts';
import { createPartner, type Partner, PartnerRefusal, PartnerUnavailable } from './partner.ts';

let listener: Listener;
let answers: (() => Response | Promise<Response>)[];
let asked: Request[];
let partner: Partner;
beforeAll(async () => {
  const fetch = async (request: Request): Promise<Response> => {
    asked.push(request);
    return (answers.shift() ?? (() => Response.json({ ok: true })))();
  };
  listener = await listen({ fetch, hostname: '127.0.0.1', port: 0 });
});
afterAll(() => listener[Symbol.asyncDispose]());
beforeEach(() => {
  answers = [];
  asked = [];
  partner = createPartner({
    name: 'partner',
    baseUrl: () => `http://127.0.0.1:${listener.port}`,
    apiKey: 'key',
    log: silentLog,
    metrics: createMetrics({ part: 'test' }),
    timeoutMs: 500,
  });
});
const status = (code: number) => () => new Response('{}', { status: code });
const post = (idempotencyKey?: string) =>
  partner({
    operation: 'pay',
    method: 'POST',
    path: '/pay',
    body: {},
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
const get = () => partner({ operation: 'get', method: 'GET', path: '/it' });

describe('a partner', () => {
  it('is asked again after trouble that passes, with the same key', async () => {
    answers = [status(503), status(429)];
    expect(await post('the key')).toEqual({ ok: true });
    expect(asked.map(({ headers }) => headers.get('idempotency-key'))).toEqual(['the key', 'the key', 'the key']);
    expect(asked[0]?.headers.get('authorization')).toBe('Bearer key');
  });

  it('is not asked twice for what could happen twice', async () => {
    answers = [status(503)];
    await expect(post()).rejects.toBeInstanceOf(PartnerUnavailable);
    expect(asked).toHaveLength(1);
  });

  it('may refuse, which is an answer', async () => {
    answers = [() => Response.json({ error: 'no' }, { status: 409 })];
    await expect(post('the key')).rejects.toEqual(
      expect.objectContaining({ name: PartnerRefusal.name, status: 409, body: { error: 'no' } }),
    );
    expect(asked).toHaveLength(1);
  });

  it('that doesn’t know our key has refused nothing', async () => {
    answers = [401, 401, 401, 401].map(status);
    await expect(post('the key')).rejects.toBeInstanceOf(PartnerUnavailable);
  });

  it.each([
    ['is silent', () => new Promise<Response>(() => undefined)],
    ['talks nonsense', () => new Response('<html>')],
    ['talks too much', () => new Response(`"${'x'.repeat(2 * 1024 * 1024)}"`)],
    ['sends us elsewhere', () => Response.redirect('http://127.0.0.1:1/')],
  ])('that %s is unavailable', async (_what, answer) => {
    answers = [answer, answer, answer, answer];
    await expect(get()).rejects.toBeInstanceOf(PartnerUnavailable);
    expect(asked).toHaveLength(4);
  });

  it('that keeps failing is left alone for a while', async () => {
    answers = Array.from({ length: 20 }, () => status(500));
    for (let call = 0; call < 4; call += 1) await expect(get()).rejects.toBeInstanceOf(PartnerUnavailable);
    expect(asked.length).toBeLessThan(10);
  });
});
