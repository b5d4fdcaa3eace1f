// A users service for tests: real database, real HTTP, a clock that the test moves.
import type { Hono } from 'hono';
import { uuidv7 } from 'uuidv7';
import type { OrderId, UserId } from '../../contracts/common.ts';
import type { EventData } from '../../contracts/events.ts';
import type { OrderStatus } from '../../contracts/orders.ts';
import { problemType } from '../../contracts/problem.ts';
import type { Tokens } from '../../contracts/users.ts';
import { openTestDatabase } from '../../tests/database.ts';
import { createOutbox } from '../platform/db/outbox.ts';
import { createHttpApp } from '../platform/http/app.ts';
import { createAuthenticate } from '../platform/http/authenticate.ts';
import { implementOn } from '../platform/http/implement.ts';
import { listen } from '../platform/http/listen.ts';
import { silentLog } from '../platform/telemetry/log.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { userEvents } from './events.ts';
import { userHttp } from './http.ts';
import { createSigningKeys } from './keys.ts';
import { migrations } from './migrations/index.ts';
import { createPasswords } from './passwords.ts';
import type { UsersOptions } from './service.ts';
import type { UsersTables } from './store.ts';

const issuer = 'https://lotok.test';
const audience = 'lotok';

export async function usersWorld() {
  const stack = new AsyncDisposableStack();
  const databases = stack.use(await openTestDatabase());
  const db = await databases.open<UsersTables>('users', migrations);
  let ahead = 0;
  const clock = { now: () => new Date(Date.now() + ahead) };
  const signingKeys = (secret = 'a secret for tests') =>
    createSigningKeys({ db, clock, accessTokenSeconds: 900, secret });
  const keys = signingKeys();
  await keys.rotate();
  const options: UsersOptions = {
    db,
    clock,
    keys,
    issuer,
    audience,
    accessTokenSeconds: 900,
    outbox: createOutbox('users', clock),
    passwords: await createPasswords(),
  };
  const app: Hono = createHttpApp({
    log: silentLog,
    metrics: createMetrics({ part: 'test' }),
    ready: () => databases.ping(),
  });
  let url = '';
  const jwksUrl = () => `${url}/.well-known/jwks.json`;
  userHttp(options)(implementOn(app, createAuthenticate({ jwksUrl, issuer, audience })));
  const listener = stack.use(await listen({ fetch: (request) => app.fetch(request), hostname: '127.0.0.1', port: 0 }));
  url = `http://127.0.0.1:${listener.port}`;

  const call = async (
    method: string,
    path: string,
    { body, token, from }: { body?: unknown; token?: string; from?: string } = {},
  ) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(from === undefined ? {} : { 'x-forwarded-for': from }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };
  const register = async (name = 'Вера'): Promise<Tokens & { email: string }> => {
    const email = `${uuidv7()}@example.test`;
    const { body } = await call('POST', '/v1/auth/register', { body: { email, password: 'correct horse', name } });
    return { ...body, email };
  };
  const events = userEvents(options);
  const orderBecomes = async (orderId: string, status: OrderStatus, buyer: string, seller: string): Promise<void> => {
    const data: EventData<'order.status_changed'> = {
      order_id: orderId as OrderId,
      status,
      previous_status: null,
      cancel_reason: null,
      buyer_id: buyer as UserId,
      seller_id: seller as UserId,
      ad: { id: uuidv7() as never, title: 'Велосипед' },
      total: { amount: 100, currency: 'RUB' },
      estimated: null,
      at: clock.now().toISOString(),
      version: 1,
    };
    await db.transaction().execute(async (trx) => {
      await events['order.status_changed']?.(
        { id: uuidv7(), type: 'order.status_changed', time: clock.now(), data },
        trx,
      );
    });
  };
  /** What the service told others, oldest first. */
  const told = async (key: string, type: string) => {
    const rows = await db.selectFrom('outbox').select(['key', 'value', 'headers']).orderBy('id').execute();
    return rows.filter((row) => row.key === key && row.headers['ce_type'] === type).map((row) => JSON.parse(row.value));
  };
  const pass = (ms: number): void => {
    ahead += ms;
  };
  return {
    options,
    databases,
    db,
    signingKeys,
    url,
    call,
    register,
    orderBecomes,
    told,
    pass,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

export const problem = (code: Parameters<typeof problemType>[0]) => ({ type: problemType(code) });
