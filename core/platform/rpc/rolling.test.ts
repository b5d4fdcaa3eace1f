// While servers are restarted one after another and everybody's certificates are replaced, each call gets its answer,
// and what it asks for is done once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openTestDatabase } from '../../../tests/database.ts';
import { until } from '../../../tests/until.ts';
import { systemClock } from '../clock.ts';
import { developmentTls } from './certificates.ts';
import { createIdempotencyTable, hashOf, type IdempotencyTables, idempotent } from './idempotency.ts';
import { payment, rpcWorld } from './testing.ts';
import { TlsSource } from './tls-source.ts';

interface Tables extends IdempotencyTables {
  charges: { payment_id: string };
}

const callersAtOnce = 8;
const leastCalls = 500;
const rounds = 3;
const { caller, payments } = rpcWorld();

it('restarts and new certificates lose no call and do none twice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-rolling-'));
  await using databases = await openTestDatabase();
  const db = await databases.open<Tables>('payments', {
    '0001-start': {
      async up(schema) {
        await createIdempotencyTable(schema);
        await schema.schema.createTable('charges').addColumn('payment_id', 'text').execute();
      },
    },
  });
  const capture = (
    { paymentId }: { paymentId: string },
    { idempotencyKey = '' }: { idempotencyKey?: string | undefined },
  ) => {
    const request = { scope: 'capture', key: idempotencyKey, requestHash: hashOf(paymentId), clock: systemClock };
    return idempotent<Tables, { payment: ReturnType<typeof payment> }>(db, request, (store) =>
      db.transaction().execute(async (trx) => {
        await trx.insertInto('charges').values({ payment_id: paymentId }).execute();
        const answer = { payment: payment(paymentId) };
        await store(trx, answer);
        return answer;
      }),
    );
  };

  // Each has an authority of its own by turns; for a change everybody trusts the old one and the new one.
  const authorities = [join(folder, 'a'), join(folder, 'b')] as const;
  const bundle = (await Promise.all(authorities.map((each) => developmentTls(each, 'any'))))
    .map(({ ca }) => ca)
    .join('');
  const tlsOf = async (service: string, round: number) => {
    const authority = authorities[round % 2] ?? folder;
    return { ...(await developmentTls(authority, service)), ca: bundle };
  };
  const sources = {
    payments: new TlsSource(await tlsOf('payments', 0)),
    orders: new TlsSource(await tlsOf('orders', 0)),
  };
  const start = (port = 0, taken = () => {}) => {
    const counted: typeof capture = (request, call) => {
      taken();
      return capture(request, call);
    };
    return payments({ capture: counted }, { tls: sources.payments, drainMs: 5_000, port });
  };
  const servers = [await start(), await start()];
  const target = servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const client = await caller(0, { target, tls: sources.orders });

  let done = false;
  let calls = 0;
  const answered: string[] = [];
  const callers = Array.from({ length: callersAtOnce }, async () => {
    while (!done || calls < leastCalls) {
      calls += 1;
      const paymentId = `p${calls}`;
      const answer = await client.capture(
        { paymentId },
        { idempotencyKey: `${paymentId}:capture`, deadlineMs: 20_000 },
      );
      answered.push(answer.payment?.paymentId ?? 'nothing');
    }
  });
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, server] of servers.entries()) {
      await server[Symbol.asyncDispose]();
      let taken = 0;
      servers[index] = await start(server.port, () => (taken += 1));
      // As an orchestrator waits before it goes on with the next.
      await until('calls are made to it again', () => taken > 0);
    }
    sources.payments.replace(await tlsOf('payments', round));
    sources.orders.replace(await tlsOf('orders', round));
  }
  done = true;
  await Promise.all(callers);

  const expected = Array.from({ length: calls }, (_, index) => `p${index + 1}`).sort();
  expect(answered.sort()).toEqual(expected);
  const charges = await db.selectFrom('charges').select('payment_id').execute();
  expect(charges.map(({ payment_id }) => payment_id).sort()).toEqual(expected);
  await rm(folder, { recursive: true });
});
