import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Clock } from '../clock.ts';
import type { DatabaseProvider } from '../db/database.ts';
import { openPGlite } from '../db/pglite.ts';
import { createIdempotencyTable, hashOf, type IdempotencyTables, idempotent, type StoreAnswer } from './idempotency.ts';

interface Tables extends IdempotencyTables {
  charges: { payment_id: string };
}

interface Answer {
  readonly charged: number;
}

let databases: DatabaseProvider;
let db: Awaited<ReturnType<typeof open>>;
let now: Date;
const clock: Clock = { now: () => now };
const open = () =>
  databases.open<Tables>('payments', {
    '0001-start': {
      async up(schema) {
        await createIdempotencyTable(schema);
        await schema.schema.createTable('charges').addColumn('payment_id', 'text').execute();
      },
    },
  });

beforeAll(async () => {
  databases = await openPGlite({});
  db = await open();
});
afterAll(() => databases[Symbol.asyncDispose]());
beforeEach(async () => {
  now = new Date('2030-01-01T00:00:00Z');
  await db.deleteFrom('idempotency_keys').execute();
  await db.deleteFrom('charges').execute();
});

let runs = 0;
beforeEach(() => {
  runs = 0;
});

const charge = async (): Promise<Answer> => {
  runs += 1;
  return { charged: runs };
};
const with_ = (
  work: (store: StoreAnswer<Answer>) => Promise<Answer> = charge,
  { key = 'o1:capture', request = { paymentId: 'p1' } as unknown, leaseMs = 1_000 } = {},
): Promise<Answer> =>
  idempotent<Tables, Answer>(db, { scope: 'capture', key, requestHash: hashOf(request), clock, leaseMs }, work);

const later = (ms: number): void => {
  now = new Date(now.getTime() + ms);
};
const problem = (code: string) => expect.objectContaining({ name: 'ProblemError', code });

/** A run that has begun and ends when told to. */
function slowly() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<Answer>();
  const answer = with_(async () => {
    begun.resolve();
    return end.promise;
  });
  return { answer, begun: begun.promise, end: (charged: number) => end.resolve({ charged }) };
}

describe('a request with an idempotency key', () => {
  it('is done once and answered the same for ever after', async () => {
    expect(await with_()).toEqual({ charged: 1 });
    expect(await with_()).toEqual({ charged: 1 });
    expect(await with_(charge, { key: 'o2:capture' })).toEqual({ charged: 2 });
  });

  it('is the same request whatever the order of its fields, and another with another field', async () => {
    await with_(charge, { request: { a: 1, b: { c: 2, d: [3] } } });
    expect(await with_(charge, { request: { b: { d: [3], c: 2 }, a: 1 } })).toEqual({ charged: 1 });
    await expect(with_(charge, { request: { a: 1, b: { c: 2, d: [4] } } })).rejects.toEqual(
      problem('idempotency-key-reused'),
    );
  });

  it('is done by one of those who send it at once', async () => {
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => with_()));
    expect(runs).toBe(1);
    const answers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(answers.length).toBeGreaterThan(0);
    for (const answer of answers) expect(answer).toEqual({ charged: 1 });
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toEqual(problem('request-in-progress'));
    }
  });

  it('keeps no transaction open while it runs: others use the one connection meanwhile', async () => {
    const slow = slowly();
    await slow.begun;
    await db.transaction().execute((trx) => trx.insertInto('charges').values({ payment_id: 'other' }).execute());
    await expect(with_()).rejects.toEqual(problem('request-in-progress'));
    await expect(with_(charge, { request: { paymentId: 'p2' } })).rejects.toEqual(problem('idempotency-key-reused'));
    slow.end(7);
    expect(await slow.answer).toEqual({ charged: 7 });
    expect(await with_()).toEqual({ charged: 7 });
  });

  it('may be sent again at once when it failed', async () => {
    const fails = with_(async () => {
      throw new ProblemError('unavailable');
    });
    await expect(fails).rejects.toEqual(problem('unavailable'));
    expect(await with_()).toEqual({ charged: 1 });
  });

  it('is taken over when its process died, but only by itself', async () => {
    const died = slowly();
    await died.begun;
    later(999);
    await expect(with_()).rejects.toEqual(problem('request-in-progress'));
    later(2);
    await expect(with_(charge, { request: { paymentId: 'p2' } })).rejects.toEqual(problem('idempotency-key-reused'));
    expect(await with_()).toEqual({ charged: 1 });
    // The one believed dead was only slow. Its answer is not the answer, and doesn't undo the other's.
    died.end(99);
    await expect(died.answer).rejects.toEqual(problem('request-in-progress'));
    expect(await with_()).toEqual({ charged: 1 });
  });

  it('stores its answer with its effect, so that neither is there without the other', async () => {
    const chargeInTransaction = (paymentId: string) => (store: StoreAnswer<Answer>) =>
      db.transaction().execute(async (trx) => {
        await trx.insertInto('charges').values({ payment_id: paymentId }).execute();
        await store(trx, { charged: 1 });
        return { charged: 1 };
      });
    expect(await with_(chargeInTransaction('p1'))).toEqual({ charged: 1 });
    expect(await with_(chargeInTransaction('p1'))).toEqual({ charged: 1 });
    expect(await db.selectFrom('charges').selectAll().execute()).toHaveLength(1);

    // Taken over while it ran: its effect is undone with its answer.
    const key = { key: 'o2:capture' };
    const overtaken = with_(async (store) => {
      later(1_001);
      await with_(charge, key);
      return chargeInTransaction('p2')(store);
    }, key);
    await expect(overtaken).rejects.toEqual(problem('request-in-progress'));
    expect(await db.selectFrom('charges').selectAll().execute()).toEqual([{ payment_id: 'p1' }]);
  });

  it('is forgotten in the end', async () => {
    await with_();
    later(8 * 24 * 3_600_000);
    await with_(charge, { key: 'o2:capture' });
    const { rows } = await sql<{ key: string }>`select key from payments.idempotency_keys`.execute(db);
    expect(rows).toEqual([{ key: 'o2:capture' }]);
  });
});
