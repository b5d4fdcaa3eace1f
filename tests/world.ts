// A world for one service: a fresh database and the service as it runs, with everything outside of it faked.
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kysely, Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { UserId } from '../contracts/common.ts';
import type { EventData, EventType } from '../contracts/events.ts';
import { ProblemError } from '../contracts/problem.ts';
import type { Clock } from '../core/platform/clock.ts';
import { type CoreConfig, coreConfig } from '../core/platform/config.ts';
import { createOutbox, type OutboxTables } from '../core/platform/db/outbox.ts';
import { createHttpApp } from '../core/platform/http/app.ts';
import type { Authenticate } from '../core/platform/http/authenticate.ts';
import { implementOn } from '../core/platform/http/implement.ts';
import type { Mail, Mailer } from '../core/platform/mail/mailer.ts';
import type { ObjectStore, StoredObject } from '../core/platform/objects/objects.ts';
import type { RpcDefinition } from '../core/platform/rpc/definition.ts';
import type { RpcCall, RpcHandlers, RpcServer } from '../core/platform/rpc/server.ts';
import type {
  RpcClients,
  RunningService,
  ServiceContext,
  ServiceModule,
  ServiceTables,
} from '../core/platform/service.ts';
import { silentLog } from '../core/platform/telemetry/log.ts';
import { createMetrics } from '../core/platform/telemetry/metrics.ts';
import { openTestDatabase } from './database.ts';

/** Time that moves only when told to. */
export interface TestClock extends Clock {
  advance(seconds: number): void;
}

export function testClock(start = new Date('2026-11-24T10:00:00Z')): TestClock {
  let now = start.getTime();
  return {
    now: () => new Date(now),
    advance: (seconds) => {
      now += seconds * 1000;
    },
  };
}

export interface Person {
  readonly id: UserId;
  readonly token: string;
}
export const person = (role = 'user', id = uuidv7() as UserId): Person => ({ id, token: `Bearer ${id}.${role}` });

export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Said {
  readonly topic: string;
  readonly type: string;
  readonly key: string;
  readonly data: unknown;
}

export interface AskOptions {
  readonly as?: Person;
  readonly body?: unknown;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface World<Tables extends ServiceTables> extends AsyncDisposable {
  readonly running: RunningService<Tables>;
  readonly db: Kysely<Tables>;
  readonly clock: TestClock;
  readonly mails: readonly Mail[];
  readonly objects: ReadonlyMap<string, StoredObject>;
  /** A request as somebody, or as nobody. */
  ask<Body = unknown>(method: string, path: string, options?: AskOptions): Promise<Answer<Body>>;
  /** What the service wrote to its outbox since it was last asked, in order. */
  said(): Promise<Said[]>;
  /** Lets the service hear an event, in a transaction as its consumer would; it happened now unless a time is given. */
  hears<Type extends EventType>(type: Type, data: EventData<Type>, time?: Date): Promise<void>;
  /** The service's own gRPC methods, without the wire. */
  rpc<Definition extends RpcDefinition>(definition: Definition): RpcHandlers<Definition>;
}

export interface WorldOptions {
  /** Other services, as far as the one under test calls them. */
  readonly rpc?: Partial<RpcClients>;
  readonly config?: Partial<CoreConfig>;
  /** Instead of the one in memory, whose contents are `world.objects`. */
  readonly objects?: ObjectStore;
}

/** For gRPC handlers called without the wire. */
export const rpcCall = (idempotencyKey: string = uuidv7()): RpcCall => ({
  idempotencyKey,
  peer: 'orders',
  signal: new AbortController().signal,
  deadline: Date.now() + 30_000,
});

export async function openWorld<Tables extends ServiceTables>(
  module: ServiceModule<Tables>,
  options: WorldOptions = {},
): Promise<World<Tables>> {
  const databases = await openTestDatabase();
  const db = await databases.open<Tables>(module.name, module.migrations);
  const clock = testClock();
  const metrics = createMetrics({ part: module.name });
  const mails: Mail[] = [];
  const objects = new Map<string, StoredObject>();
  const definitions = new Map<unknown, unknown>();
  const context: ServiceContext<Tables> = {
    config: {
      ...coreConfig({ LOTOK_DATA: join(tmpdir(), `lotok-${randomBytes(6).toString('hex')}`) }),
      ...options.config,
    },
    db,
    databases,
    outbox: createOutbox(module.name, clock),
    bus: missing('bus'),
    rpc: { ...missingRpc(), ...options.rpc },
    objects: options.objects ?? memoryObjects(objects),
    mailer: memoryMailer(mails),
    clock,
    log: silentLog,
    metrics,
    selfUrl: () => 'http://core.test',
  };
  const running = await module.start(context);
  const app = createHttpApp({ log: silentLog, metrics, ready: () => databases.ping() });
  running.http?.(implementOn(app, testAuthenticate));
  running.pages?.(app);
  const server: Pick<RpcServer, 'add'> = { add: (definition, handlers) => definitions.set(definition, handlers) };
  running.rpc?.(server as RpcServer);
  let heardOf = 0;

  return {
    running,
    db,
    clock,
    mails,
    objects,
    async ask<Body>(method: string, path: string, { as, body, bytes, headers }: AskOptions = {}) {
      const response = await app.request(path, {
        method,
        headers: {
          ...(as ? { authorization: as.token } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined && bytes === undefined ? {} : { body: bytes ?? JSON.stringify(body) }),
      });
      const received = new Uint8Array(await response.arrayBuffer());
      const isJson = /json/.test(response.headers.get('content-type') ?? '');
      const parsed = isJson ? JSON.parse(new TextDecoder().decode(received)) : undefined;
      return { status: response.status, headers: response.headers, body: parsed as Body, bytes: received };
    },
    async said() {
      const outbox = db as unknown as Kysely<OutboxTables>;
      const rows = await outbox.selectFrom('outbox').selectAll().where('id', '>', heardOf).orderBy('id').execute();
      heardOf = rows.at(-1)?.id ?? heardOf;
      return rows.map(({ topic, key, value, headers }) => ({
        topic,
        key,
        type: headers['ce_type'] ?? '',
        data: JSON.parse(value) as unknown,
      }));
    },
    async hears(type, data, time = clock.now()) {
      const handler = running.events?.[type];
      if (!handler) throw new Error(`${module.name} does not hear ${type}`);
      // Through JSON, as it travels on the bus.
      const event = { id: uuidv7(), type, time, data: JSON.parse(JSON.stringify(data)) as typeof data };
      await db.transaction().execute((trx: Transaction<Tables>) => handler(event, trx));
    },
    rpc<Definition extends RpcDefinition>(definition: Definition) {
      const handlers = definitions.get(definition);
      if (!handlers) throw new Error(`${module.name} does not serve this`);
      return handlers as RpcHandlers<Definition>;
    },
    [Symbol.asyncDispose]: () => databases[Symbol.asyncDispose](),
  };
}

/** Tokens of `person`: who they are, said plainly. */
const testAuthenticate: Authenticate = async (authorization) => {
  const [, id, role] = /^Bearer ([0-9a-f-]{36})\.(\w+)$/.exec(authorization ?? '') ?? [];
  if (id === undefined || role === undefined) throw new ProblemError('unauthenticated');
  return { userId: id as UserId, sessionId: 'test', roles: [...new Set(['user', role])] };
};

const memoryObjects = (objects: Map<string, StoredObject>): ObjectStore => ({
  signUpload: async (key) => ({ url: `http://objects.test/${key}`, headers: {} }),
  put: async (key, object) => void objects.set(key, object),
  get: async (key) => objects.get(key) ?? null,
  delete: async (key) => void objects.delete(key),
});

const memoryMailer = (mails: Mail[]): Mailer => ({
  longestTryMs: 20_000,
  send: async (mail) => void mails.push(mail),
  [Symbol.asyncDispose]: async () => undefined,
});

/** Something that this world does without: using it is the test's mistake. */
const missing = <Thing extends object>(name: string): Thing =>
  new Proxy({} as Thing, {
    get() {
      throw new Error(`this world has no ${name}`);
    },
  });

const missingRpc = (): RpcClients => ({
  ads: missing('ads'),
  users: missing('users'),
  payments: missing('payments'),
  delivery: missing('delivery'),
  notifications: missing('notifications'),
});
