import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentId, UserId } from '../../contracts/common.ts';
import { openTestDatabase } from '../../tests/database.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { book } from './ledger.ts';
import { migrations } from './migrations/index.ts';
import { sharesOf } from './shares.ts';
import { type PaymentRow, type PaymentsTables, readBalance, readStatement } from './store.ts';

let databases: DatabaseProvider;
let db: Kysely<PaymentsTables>;
const seller = uuidv7() as UserId;
/** Of the time before refunds of a part: captured, given back, and paid out. */
const old = { captured: uuidv7(), refunded: uuidv7(), paidOut: uuidv7() };

beforeAll(async () => {
  databases = await openTestDatabase();
  const { '0003-shares': _new, ...before } = migrations;
  const then = await databases.open<PaymentsTables>('payments', before);
  for (const [name, id] of Object.entries(old)) await bookAsBefore(then, id, name);
  db = await databases.open<PaymentsTables>('payments', migrations);
});
afterAll(() => databases?.[Symbol.asyncDispose]());

async function bookAsBefore(then: Kysely<PaymentsTables>, id: string, name: string): Promise<void> {
  const order = uuidv7();
  await sql`
    insert into payments.payments (id, order_id, buyer_id, seller_id, provider, status, amount, seller_amount, currency,
      description, return_url, attempts, trace, version, created_at, updated_at)
    values (${id}, ${order}, ${uuidv7()}, ${seller}, 'sandbox', ${name === 'refunded' ? 'refunded' : 'captured'}, 1399, 1000, 'RUB',
      'a bicycle', 'http://shop.example', 0, '{}', 3, now(), now())`.execute(then);
  const bookings: Record<string, Record<string, number>> = {
    captured: { provider: 1399, [`held:${order}`]: -1399 },
    ...(name === 'refunded' ? { refunded: { provider: -1399, [`held:${order}`]: 1399 } } : {}),
    ...(name === 'paidOut'
      ? {
          earned: { [`held:${order}`]: 1399, [`seller:${seller}`]: -1000, platform: -399 },
          paid_out: { [`seller:${seller}`]: 1000, provider: -1000 },
        }
      : {}),
  };
  for (const [kind, entries] of Object.entries(bookings)) {
    await then.transaction().execute(async (trx) => {
      const { rows } = await sql<{ id: number }>`
        insert into payments.ledger_transactions (payment_id, kind, at) values (${id}, ${kind}, now()) returning id`.execute(
        trx,
      );
      for (const [account, amount] of Object.entries(entries)) {
        await sql`insert into payments.ledger_entries values (${rows[0]?.id}, ${account}, ${amount}, 'RUB')`.execute(
          trx,
        );
      }
    });
  }
  if (name === 'paidOut') {
    await sql`
      insert into payments.payouts (payment_id, seller_id, amount, currency, status, attempts, created_at, paid_at)
      values (${id}, ${seller}, 1000, 'RUB', 'paid', 1, now(), now())`.execute(then);
  }
}

const sums = async (): Promise<Record<string, number>> => {
  const rows = await db
    .selectFrom('ledger_entries')
    .select(({ fn }) => ['account', fn.sum<number>('amount').as('sum')])
    .where('account', 'not like', 'held:%')
    .groupBy('account')
    .execute();
  return Object.fromEntries(rows.map(({ account, sum }) => [account, Number(sum)]));
};
const paymentOf = async (id: string): Promise<PaymentRow> =>
  db
    .selectFrom('payments')
    .selectAll()
    .where('id', '=', id as PaymentId)
    .executeTakeFirstOrThrow();

describe('books of before', () => {
  it('tell the same afterwards, of accounts that say more', async () => {
    expect(await sums()).toEqual({ 'provider:sandbox': 1798, 'platform:delivery': -399, [`seller:${seller}`]: 0 });
    expect(await paymentOf(old.refunded)).toMatchObject({ refunded_amount: 1399, fee_basis_points: 0, amount_step: 1 });
    expect(await paymentOf(old.captured)).toMatchObject({ refunded_amount: 0 });
  });

  it('show sellers what they have and had', async () => {
    expect(await readBalance(db, seller)).toEqual([{ currency: 'RUB', pending: 1000, available: 0, paid_out: 1000 }]);
    const statement = { sellerId: seller, currency: undefined, before: undefined };
    const [newest, ...rest] = await readStatement(db, { ...statement, limit: 1 });
    expect(newest).toMatchObject({ kind: 'paid_out', amount: -1000, balance: 0, title: 'a bicycle' });
    expect(rest).toEqual([]);
    const next = await readStatement(db, { ...statement, before: newest?.id, limit: 10 });
    expect(next).toMatchObject([{ kind: 'earned', amount: 1000, fee: 0, balance: 1000 }]);
    expect(await readStatement(db, { ...statement, currency: 'USD', limit: 10 })).toEqual([]);
  });
});

describe('the ledger', () => {
  it('is never changed, by whatever statement', async () => {
    for (const statement of [
      sql`update payments.ledger_entries set amount = amount`,
      sql`delete from payments.ledger_entries`,
      sql`truncate payments.ledger_entries`,
      sql`update payments.ledger_transactions set kind = 'nothing'`,
      sql`delete from payments.ledger_transactions where id = 1`,
      sql`truncate payments.ledger_transactions cascade`,
    ]) {
      await expect(statement.execute(db)).rejects.toThrow('the ledger only grows');
    }
  });

  it('takes no entries for a booking that is over, also where they balance', async () => {
    const { id } = await db.selectFrom('ledger_transactions').select('id').limit(1).executeTakeFirstOrThrow();
    const late = db
      .insertInto('ledger_entries')
      .values([
        { transaction_id: id, account: 'seller:me', amount: -5, currency: 'RUB' },
        { transaction_id: id, account: 'platform:losses', amount: 5, currency: 'RUB' },
      ])
      .execute();
    await expect(late).rejects.toThrow('is over');
  });

  it('takes no booking that does not balance, and none twice', async () => {
    const payment = await paymentOf(old.captured);
    const uneven = db.transaction().execute(async (trx) => {
      await book(trx, payment, { kind: 'earned' }, new Date());
      await sql`
        insert into payments.ledger_entries
        select max(id), 'platform:fees', 1, 'RUB' from payments.ledger_transactions where payment_id = ${payment.id}`.execute(
        trx,
      );
    });
    await expect(uneven).rejects.toThrow(/does not balance/);
    const again = db.transaction().execute((trx) => book(trx, payment, { kind: 'captured' }, new Date()));
    await expect(again).rejects.toThrow(/ledger_once/);
  });
});

describe('what a seller has coming', () => {
  it('is in the database what it is in the rule', async () => {
    const any = fc.record({
      price: fc.integer({ min: 1, max: 1_000_000_000 }),
      delivery: fc.nat(100_000),
      back: fc.nat(100),
      fee_basis_points: fc.nat(10_000),
      amount_step: fc.constantFrom(1, 10, 100),
    });
    const run = fc.asyncProperty(any, async ({ price, delivery, back, fee_basis_points, amount_step }) => {
      const amount = price + delivery;
      const refunded_amount = Math.floor((amount * back) / 101);
      const its = { amount, seller_amount: price, refunded_amount, fee_basis_points, amount_step };
      const sellerId = uuidv7() as UserId;
      const { id: _id, order_id: _order, trace: _trace, ...like } = await paymentOf(old.captured);
      const row = { ...like, ...its, id: uuidv7() as PaymentId, order_id: uuidv7() as PaymentRow['order_id'] };
      await db
        .insertInto('payments')
        .values({ ...row, seller_id: sellerId, provider_id: null, trace: '{}' })
        .execute();
      expect(await readBalance(db, sellerId)).toMatchObject([{ pending: sharesOf(its).seller }]);
    });
    await fc.assert(run, { numRuns: 40 });
  });
});
