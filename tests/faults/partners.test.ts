import { afterEach, describe, expect, it } from 'vitest';
import { type Listener, listen } from '../../core/platform/http/listen.ts';
import { until } from '../until.ts';
import type { Chance } from './luck.ts';
import { CompanyGateway, WebhookGateway } from './partners.ts';

/** Whatever can happen happens, at once and the first way. */
const certain: Chance = {
  next: () => 0,
  whole: (least) => least,
  pick: ([first]) => first,
  shuffle: (items) => [...items],
};

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

/** A company that makes payments and moves them on, and notes what it was asked. */
async function startCompany(): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const statuses = new Map<string, string>();
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    asked.push(`${request.method} ${pathname} ${await request.text()}`.trim());
    const [, id = `pay_${statuses.size + 1}`, act] = /^\/payments\/?([^/]+)?\/?(.*)$/.exec(pathname) ?? [];
    if (request.method === 'POST') statuses.set(id, act === 'capture' ? 'captured' : 'pending');
    return Response.json({ id, status: statuses.get(id) });
  };
  const listener: Listener = opened.use(await listen({ fetch: answer, hostname: '127.0.0.1', port: 0 }));
  return { url: `http://127.0.0.1:${listener.port}`, asked };
}

describe('the gateway of a company', () => {
  async function world() {
    const company = await startCompany();
    const gateway = opened.use(await new CompanyGateway(() => [company.url], certain).listen());
    const ask = (path: string, method = 'POST') =>
      fetch(`${gateway.url}${path}`, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
    return { ...company, gateway, ask };
  }

  it('passes requests and answers while there is no trouble', async () => {
    const { ask, asked, gateway } = await world();
    gateway.begin('unwilling');
    gateway.end();
    expect(await (await ask('/payments')).json()).toEqual({ id: 'pay_1', status: 'pending' });
    expect(asked).toEqual(['POST /payments {}']);
  });

  it('refuses without the work being done', async () => {
    const { ask, asked, gateway } = await world();
    gateway.begin('unwilling');
    expect((await ask('/payments')).status).toBe(429);
    expect(asked).toEqual([]);
  });

  it.each(['silent', 'failing', 'garbled'] as const)('has the work done and is %s', async (trouble) => {
    const { ask, asked, gateway } = await world();
    gateway.begin(trouble);
    const answer = await ask('/payments')
      .then(async (response) => (await response.json()) as unknown)
      .catch(() => null);
    expect(answer).toBe(null);
    expect(asked).toHaveLength(1);
    expect(gateway.met.get(trouble)).toBe(1);
  });

  it('gives the answer to somebody else, or one from before', async () => {
    const { ask, gateway } = await world();
    await ask('/payments');
    gateway.begin('mistaken');
    expect(await (await ask('/payments')).json()).toMatchObject({ id: 'pay_1' });
    gateway.begin('outdated');
    await ask('/payments/pay_2/capture');
    expect(await (await ask('/payments/pay_2', 'GET')).json()).toEqual({ id: 'pay_2', status: 'captured' });
    gateway.end();
    await ask('/payments');
    gateway.begin('outdated');
    expect(await (await ask('/payments/pay_3/capture')).json()).toEqual({ id: 'pay_3', status: 'pending' });
  });
});

describe('the postman', () => {
  async function world() {
    const heard: string[] = [];
    let refuses = 0;
    const answer = async (request: Request): Promise<Response> => {
      if (refuses-- > 0) return new Response(null, { status: 500 });
      const { id } = (await request.json()) as { id: string };
      heard.push(`${request.headers.get('x-signature')} ${id}`);
      return new Response(null, { status: 204 });
    };
    const listener = opened.use(await listen({ fetch: answer, hostname: '127.0.0.1', port: 0 }));
    const gateway = opened.use(await new WebhookGateway(() => [`http://127.0.0.1:${listener.port}`], certain).listen());
    const send = async (id: string): Promise<number> => {
      const body = JSON.stringify({ id });
      const headers = { 'x-signature': 'signed' };
      return (await fetch(`${gateway.url}/v1/payments/webhooks/sandbox`, { method: 'POST', body, headers })).status;
    };
    const refuse = (times: number): void => {
      refuses = times;
    };
    return { gateway, heard, send, refuse };
  }

  it('brings a webhook as it is, and the answer back', async () => {
    const { heard, send, refuse } = await world();
    expect(await send('a')).toBe(204);
    refuse(1);
    expect(await send('b')).toBe(500);
    expect(heard).toEqual(['signed a']);
  });

  it('brings one twice', async () => {
    const { gateway, heard, send } = await world();
    gateway.begin('repeated');
    expect(await send('a')).toBe(204);
    await until('it has come twice', () => heard.length === 2);
    expect(new Set(heard)).toEqual(new Set(['signed a']));
  });

  it('takes one and brings it later, again and again until it is taken', async () => {
    const { gateway, heard, send, refuse } = await world();
    gateway.begin('reordered');
    refuse(1);
    expect(await send('a')).toBe(200);
    expect(gateway.carried).toBe(1);
    await until('it has come', () => heard.length === 1);
    await until('nothing is carried', () => gateway.carried === 0);
  });

  it('loses one', async () => {
    const { gateway, heard, send } = await world();
    gateway.begin('lost');
    expect(await send('a')).toBe(200);
    gateway.end();
    expect(await send('b')).toBe(204);
    expect(heard).toEqual(['signed b']);
    expect([...gateway.lost]).toEqual(['a']);
  });
});
