// A route's promise: handlers see only what its contract allows, and callers only what they may.
import type { Hono } from 'hono';
import { uuidv7 } from 'uuidv7';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { UserId } from '../../../contracts/common.ts';
import { ProblemError, problemType } from '../../../contracts/problem.ts';
import { route } from '../../../contracts/route.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { createHttpApp } from './app.ts';
import type { Authenticate, Identity } from './authenticate.ts';
import { type Implement, implementOn } from './implement.ts';
import { type Listener, listen } from './listen.ts';

const userId = uuidv7() as UserId;
const authenticate: Authenticate = async (authorization) => {
  const role = /^Bearer (\w+)$/.exec(authorization ?? '')?.[1];
  if (!role) throw new ProblemError('unauthenticated');
  return { userId, sessionId: 'session', roles: [role] };
};

let app: Hono;
let implement: Implement;
let errors: { event: string; fields: Record<string, unknown> | undefined }[];
beforeEach(() => {
  errors = [];
  const log: Log = { ...silentLog, error: (event, fields) => void errors.push({ event, fields }) };
  app = createHttpApp({ log, metrics: createMetrics({ part: 'test' }), ready: async () => undefined });
  implement = implementOn(app, authenticate);
});

const spec = {
  id: 'paint',
  service: 'ads',
  method: 'POST',
  summary: 'Paint something',
  auth: 'public',
  success: { status: 200, body: z.unknown() },
} as const;

/** A route that tells what its handler was given. */
const paint = route({
  ...spec,
  path: '/v1/things/{id}/paint',
  params: z.object({ id: z.uuid() }),
  query: z.object({ coats: z.coerce.number().int().min(1).max(3).default(1) }),
  headers: z.object({ 'idempotency-key': z.string().max(10) }),
  body: z.strictObject({
    colour: z.enum(['red', 'green']),
    price: z.object({ amount: z.int() }).optional(),
    note: z.string().optional(),
  }),
  bodyLimit: 1_000,
});
const id = uuidv7();

interface Call {
  readonly path?: string;
  readonly body?: BodyInit | null;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}
const call = async ({ path = `/v1/things/${id}/paint`, body = '{"colour":"red"}', headers, method = 'POST' }: Call) => {
  const response = await app.request(path, {
    method,
    ...(method === 'GET' ? {} : { body }),
    headers: { 'content-type': 'application/json', 'idempotency-key': 'key', ...headers },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text === '' ? null : JSON.parse(text) };
};
const painted: unknown[] = [];
const implementPaint = (): void => {
  painted.length = 0;
  implement(paint, async ({ params, query, headers, body, identity }) => {
    painted.push(body);
    return { body: { params, query, headers, body, identity: identity ?? null } };
  });
};

describe('what comes in', () => {
  beforeEach(implementPaint);

  it('reaches the handler as the contract has it, and nothing else does', async () => {
    const { status, headers, body } = await call({ path: `/v1/things/${id}/paint?coats=2&utm=x` });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      params: { id },
      query: { coats: 2 },
      headers: { 'idempotency-key': 'key' },
      body: { colour: 'red' },
      identity: null,
    });
  });

  it.each<[string, Call, number, string, string]>([
    ['a parameter of the path', { path: '/v1/things/1/paint' }, 400, 'invalid-parameter', 'id'],
    ['a query', { path: `/v1/things/${id}/paint?coats=9` }, 400, 'invalid-parameter', 'coats'],
    ['a header', { headers: { 'idempotency-key': 'x'.repeat(11) } }, 400, 'invalid-parameter', 'idempotency-key'],
    ['a field', { body: '{"colour":"blue"}' }, 422, 'invalid-field', 'colour'],
    ['a nested field', { body: '{"colour":"red","price":{"amount":0.5}}' }, 422, 'invalid-field', 'price.amount'],
    ['a field that nobody knows', { body: '{"colour":"red","shade":1}' }, 422, 'invalid-field', '(body)'],
    ['a body that is no object', { body: '[]' }, 422, 'invalid-field', '(body)'],
    ['text that no column takes', { body: '{"colour":"red","note":"\\u0000"}' }, 422, 'invalid-field', 'note'],
  ])('is refused by name: %s', async (_, options, status, code, field) => {
    const answer = await call(options);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ type: problemType(code as 'invalid-field'), status });
    expect(answer.body.errors).toEqual([{ field, message: expect.stringMatching(/./) }]);
    expect(painted).toEqual([]);
  });

  it.each<[string, Call]>([
    ['no JSON', { body: '{"colour":' }],
    ['nothing', { body: '' }],
    [
      'no UTF-8',
      { body: Buffer.concat([Buffer.from('{"colour":"red","note":"'), Buffer.from([0xff]), Buffer.from('"}')]) },
    ],
    ['a surrogate in UTF-8', { body: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) }],
  ])('as a body that is %s is no JSON', async (_, options) => {
    const answer = await call(options);
    expect(answer.status).toBe(400);
    expect(answer.body.type).toBe(problemType('invalid-json'));
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'text/json', ''])(
    'of type %j is not supported',
    async (type) => {
      const answer = await call({ headers: { 'content-type': type } });
      expect(answer.status).toBe(415);
      expect(answer.body.type).toBe(problemType('unsupported-media-type'));
    },
  );

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/merge-patch+json'])(
    'of type %j is JSON',
    async (type) => {
      expect((await call({ headers: { 'content-type': type } })).status).toBe(200);
    },
  );

  it('as an empty field of a form has not been given', async () => {
    expect((await call({ path: `/v1/things/${id}/paint?coats=` })).body).toMatchObject({ query: { coats: 1 } });
  });

  it('on another path or with another method is not found', async () => {
    for (const options of [{ path: '/v1/nothing' }, { method: 'GET' }]) {
      const answer = await call(options);
      expect(answer.status).toBe(404);
      expect(answer.body.type).toBe(problemType('not-found'));
    }
  });

  it('in a path that cannot be decoded is refused, not a failure', async () => {
    const answer = await call({ path: '/v1/things/%E0%A4%A/paint' });
    expect([400, 404]).toContain(answer.status);
    expect(errors).toEqual([]);
  });
});

describe('a body that is too large', () => {
  let listener: Listener;
  beforeEach(async () => {
    implementPaint();
    listener = await listen({ fetch: (request) => app.fetch(request), hostname: '127.0.0.1', port: 0 });
  });
  afterEach(() => listener[Symbol.asyncDispose]());
  const send = (body: BodyInit) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'key' };
    const init = { method: 'POST', body, headers, duplex: 'half' };
    return fetch(`http://127.0.0.1:${listener.port}/v1/things/${id}/paint`, init);
  };
  const sized = (bytes: number): string => {
    const frame = '{"colour":"red","note":""}';
    return frame.replace('""}', `"${'x'.repeat(bytes - frame.length)}"}`);
  };

  it('by its length is refused, and the last byte that fits is not', async () => {
    expect((await send(sized(1_000))).status).toBe(200);
    const refused = await send(sized(1_001));
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({
      type: problemType('content-too-large'),
      detail: 'At most 1000 bytes',
    });
  });

  it('in chunks is refused as soon as it is, though it never ends', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(new Uint8Array(600).fill(0x20));
        // What follows never comes.
        return sent < 4 ? undefined : new Promise(() => undefined);
      },
    });
    const refused = await send(endless);
    expect(refused.status).toBe(413);
    expect(painted).toEqual([]);
  });

  it('in chunks that fit is taken', async () => {
    const whole = new TextEncoder().encode(sized(900));
    const chunks = [whole.subarray(0, 300), whole.subarray(300)];
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    expect((await send(stream)).status).toBe(200);
  });

  it('is not read for somebody who may not send it', async () => {
    implement(route({ ...spec, path: '/v1/mine', auth: 'user', body: z.object({}) }), async () => ({ body: {} }));
    const answer = await app.request('/v1/mine', { method: 'POST', body: sized(5_000_000) });
    expect(answer.status).toBe(401);
  });
});

describe('raw bodies', () => {
  it('reach the handler byte by byte, whatever their type, within their limit', async () => {
    const raw = route({ ...spec, path: '/v1/raw', auth: 'signed', rawBody: true, bodyLimit: 4 });
    implement(raw, async ({ body }) => ({ body: [...body] }));
    const bytes = new Uint8Array([0, 255, 123, 10]);
    for (const type of ['application/json', 'image/png']) {
      expect((await call({ path: '/v1/raw', body: bytes, headers: { 'content-type': type } })).body).toEqual([
        ...bytes,
      ]);
    }
    expect((await call({ path: '/v1/raw', body: new Uint8Array(5) })).status).toBe(413);
  });
});

describe('who asks', () => {
  const asked: (Identity | undefined)[] = [];
  beforeEach(() => {
    asked.length = 0;
    for (const auth of ['public', 'signed', 'user', 'moderator', 'operator'] as const) {
      implement(route({ ...spec, path: `/v1/${auth}`, auth }), async ({ identity }) => {
        asked.push(identity);
        return { body: {} };
      });
    }
  });
  const as = async (auth: string, role?: string): Promise<number> =>
    (await call({ path: `/v1/${auth}`, headers: role === undefined ? {} : { authorization: `Bearer ${role}` } }))
      .status;

  it('does not matter where anybody may, and is not looked at', async () => {
    for (const auth of ['public', 'signed'] as const) {
      expect([await as(auth), await as(auth, 'user'), await as(auth, '!')]).toEqual([200, 200, 200]);
    }
    expect(asked).toEqual(Array.from({ length: 6 }, () => undefined));
  });

  it('is known where a user is needed', async () => {
    expect([await as('user'), await as('user', '!'), await as('user', 'user')]).toEqual([401, 401, 200]);
    expect(asked).toEqual([{ userId, sessionId: 'session', roles: ['user'] }]);
  });

  it.each([
    ['moderator', 'operator'],
    ['operator', 'moderator'],
  ])('must be a %s where one is needed, and no %s', async (role, other) => {
    const statuses = [await as(role), await as(role, 'user'), await as(role, other), await as(role, role)];
    expect(statuses).toEqual([401, 403, 403, 200]);
    expect(asked).toHaveLength(1);
  });

  it('is asked before anything of the request is judged', async () => {
    implement(route({ ...paint, path: '/v1/theirs/{id}', auth: 'user' }), async () => ({ body: {} }));
    expect((await call({ path: '/v1/theirs/1', body: '{' })).status).toBe(401);
  });
});

describe('what goes out', () => {
  const get = route({ ...spec, method: 'GET', path: '/v1/thing' });

  it('is the problem that a rule tells, with its headers', async () => {
    implement(get, async () => {
      throw new ProblemError('too-many-requests', { detail: 'Wait', headers: { 'retry-after': '7' } });
    });
    const answer = await call({ method: 'GET', path: '/v1/thing' });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toMatchObject({ type: problemType('too-many-requests'), detail: 'Wait' });
    expect(errors).toEqual([]);
  });

  it('tells nothing of the insides of a failure but its trace; the log has it once', async () => {
    await using _tracing = startTracing({ service: 'test' });
    const failure = new Error('connect ECONNREFUSED 10.0.0.7:5432 as lotok_ads', { cause: new Error('inner secret') });
    implement(get, async () => {
      throw failure;
    });
    const answer = await call({
      method: 'GET',
      path: '/v1/thing',
      headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toMatch(/ECONNREFUSED|10\.0\.0\.7|lotok_ads|secret|at .*\.ts/);
    expect(answer.body).toEqual({
      type: problemType('internal'),
      title: expect.any(String),
      status: 500,
      trace_id: 'a'.repeat(32),
    });
    expect(errors).toEqual([{ event: 'http.failed', fields: expect.objectContaining({ error: failure }) }]);
  });

  it('has the status of the contract, and no body where there is none', async () => {
    implement(route({ ...spec, method: 'DELETE', path: '/v1/thing', success: { status: 204 } }), async () => undefined);
    const answer = await call({ method: 'DELETE', path: '/v1/thing' });
    expect([answer.status, answer.text]).toEqual([204, '']);
  });

  it('can be bytes of another type, under a path with a suffix', async () => {
    const picture = route({
      ...spec,
      method: 'GET',
      path: '/v1/pictures/{id}/{variant}.webp',
      params: z.object({ id: z.uuid(), variant: z.enum(['full', 'thumb']) }),
      success: { status: 200, contentType: 'image/webp' },
    });
    const seen: unknown[] = [];
    implement(picture, async ({ params }) => {
      seen.push(params);
      return { headers: { 'cache-control': 'public' }, bytes: new Uint8Array([1, 2, 3]) };
    });
    const answer = await app.request(`/v1/pictures/${id}/thumb.webp`);
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([1, 2, 3]);
    expect(answer.headers.get('content-type')).toBe('image/webp');
    expect(answer.headers.get('cache-control')).toBe('public');
    expect(seen).toEqual([{ id, variant: 'thumb' }]);
    for (const wrong of ['thumb.png', 'thumbXwebp', 'huge.webp']) {
      expect([400, 404]).toContain((await app.request(`/v1/pictures/${id}/${wrong}`)).status);
    }
  });

  it('is only a head for somebody who has it already', async () => {
    implement(get, async () => ({ body: { a: 1 }, headers: { etag: '"one"', 'cache-control': 'public' } }));
    const known = await call({ method: 'GET', path: '/v1/thing', headers: { 'if-none-match': '"zero", W/"one"' } });
    expect([known.status, known.text, known.headers.get('etag')]).toEqual([304, '', '"one"']);
    const other = await call({ method: 'GET', path: '/v1/thing', headers: { 'if-none-match': '"zero"' } });
    expect([other.status, other.body]).toEqual([200, { a: 1 }]);
  });
});
