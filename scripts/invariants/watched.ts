// What watchers saw on their screens, as JSON lines: {order_id, event, status | stage, id}, with `user_id` where several
// people watch one order. A `reset` line says that its user was told to read the present state again.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import { OrderId } from '../../contracts/common.ts';
import { DeliveryStage } from '../../contracts/delivery.ts';
import { OrderStatus } from '../../contracts/orders.ts';
import { write } from './evidence.ts';

const sight = { id: z.string().min(1), order_id: OrderId, user_id: z.string().default('') };
const Seen = z.discriminatedUnion('event', [
  z.object({ event: z.literal('order.status'), ...sight, status: OrderStatus }),
  z.object({ event: z.literal('delivery.stage'), ...sight, stage: DeliveryStage }),
  z.object({ event: z.literal('reset'), id: z.string(), user_id: z.string().default('') }),
]);
type Seen = z.output<typeof Seen>;

const batchSize = 5_000;

/** Fills the table `watched`; throws at the first line that is not one, naming it. */
export async function loadWatched(db: Transaction<unknown>, file: string): Promise<void> {
  let batch: (Seen & { readonly line: number })[] = [];
  const flush = async (): Promise<void> => {
    await write(db, 'watched', [
      ['line', 'int', batch.map(({ line }) => line)],
      ['id', 'text', batch.map(({ id }) => id)],
      ['watcher', 'text', batch.map(({ user_id }) => user_id)],
      ['order_id', 'uuid', batch.map((seen) => (seen.event === 'reset' ? null : seen.order_id))],
      ['kind', 'text', batch.map(({ event }) => kinds[event])],
      ['value', 'text', batch.map(whatWasSeen)],
    ]);
    batch = [];
  };
  let line = 0;
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const text of lines) {
    line += 1;
    if (text.trim() === '') continue;
    batch.push({ ...parse(text, `${file}:${line}`), line });
    if (batch.length === batchSize) await flush();
  }
  await flush();
}

/** As the timeline calls them. */
const kinds = { 'order.status': 'order', 'delivery.stage': 'delivery', reset: 'reset' } as const;

function whatWasSeen(seen: Seen): string | null {
  switch (seen.event) {
    case 'order.status':
      return seen.status;
    case 'delivery.stage':
      return seen.stage;
    case 'reset':
      return null;
    default:
      return seen satisfies never;
  }
}

function parse(text: string, place: string): Seen {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`${place} is not JSON`);
  }
  const seen = Seen.safeParse(json);
  if (!seen.success) throw new Error(`${place}: ${z.prettifyError(seen.error)}`);
  return seen.data;
}
