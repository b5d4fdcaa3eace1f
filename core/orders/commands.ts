// What the saga owes to other services, call by call: each until it succeeds or is refused for good.

import type { Kysely } from 'kysely';
import type { OrderId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Money as MoneyMessage } from '../../proto/generated/lotok/common/v1/money.ts';
import { backoffMs } from '../platform/backoff.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import type { RpcClients } from '../platform/service.ts';
import { redactText } from '../platform/telemetry/redact.ts';
import { currentTraceId, extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { type Advancing, storedOf, write } from './advance.ts';
import { outcomeOf } from './answers.ts';
import { afterTry, type Outcome, taken } from './decide.ts';
import type { Step } from './saga.ts';
import {
  type CommandRow,
  commandsChannel,
  lockOrder,
  noteTry,
  type OrderRow,
  type OrdersTables,
  readOrder,
  takeCommand,
} from './store.ts';

export interface CommandOptions extends Advancing {
  readonly db: Kysely<OrdersTables>;
  readonly databases: DatabaseProvider;
  readonly rpc: RpcClients;
  readonly publicUrl: string;
}

export const callDeadlineMs = 5_000;
/** Longer than any call may take: while it runs nobody else begins the same command. */
const leaseMs = 10_000;
export const leaseFrom = (now: Date): Date => new Date(now.getTime() + leaseMs);
const pauses = { firstMs: 200, longestMs: 60_000 };
/** Between the tries of a command. */
export const pauseMs = (tries: number): number => backoffMs(tries, pauses);
const atOnce = 8;

/** Does what is owed, woken by each transaction that owes something. */
export async function startCommandLoop(options: CommandOptions): Promise<Loop> {
  const { db, databases, clock, log } = options;
  const running = new Set<Promise<void>>();
  const loop = await startLoop({
    name: 'orders.commands',
    pollMs: 500,
    log,
    wake: (heard) => databases.listen(commandsChannel, heard),
    run: async () => {
      while (running.size < atOnce) {
        const now = clock.now();
        const command = await takeCommand(db, now, leaseFrom(now));
        if (!command) return false;
        const work = runFrom(options, command)
          .catch((error) => log.error('command.failed', { order_id: command.order_id, step: command.step, error }))
          .finally(() => {
            running.delete(work);
            loop.wake();
          });
        running.add(work);
      }
      return false;
    },
  });
  return {
    wake: loop.wake,
    async [Symbol.asyncDispose]() {
      await loop[Symbol.asyncDispose]();
      await Promise.all(running);
    },
  };
}

/** Runs one step of an order now if it is due and nobody else has it; true when it ran. */
export async function runStep(options: CommandOptions, orderId: OrderId, step: Step): Promise<boolean> {
  const now = options.clock.now();
  const command = await takeCommand(options.db, now, leaseFrom(now), { orderId, step });
  if (!command) return false;
  await runCommand(options, command);
  return true;
}

/** Runs a command and then what the order owes next, as long as that is due. */
async function runFrom(options: CommandOptions, first: CommandRow): Promise<void> {
  let command: CommandRow | undefined = first;
  while (command) command = await runCommand(options, command, { takeNext: true });
}

/** Runs a command that was taken. Returns the order's next one, taken with the end of this one, if that is wished. */
export async function runCommand(
  options: CommandOptions,
  command: CommandRow,
  { takeNext = false } = {},
): Promise<CommandRow | undefined> {
  const { db, log, metrics } = options;
  const order = await readOrder(db, command.order_id);
  if (!order) throw new Error(`command ${command.id} has no order`);
  const { step, attempts } = command;
  return inSpan(
    `orders step ${step}`,
    { parent: extractTrace(command.headers), attributes: { 'lotok.order_id': order.id } },
    async () => {
      const { outcome, change } = await tried(step, calls[step](order, options));
      metrics.sagaCommands.inc({ step, result: outcome.result === 'failed' ? 'error' : outcome.result });
      if (outcome.result !== 'done')
        log.warn('command.try_failed', {
          order_id: order.id,
          step,
          attempts,
          result: outcome.result,
          error: outcome.why,
        });
      return settle(options, command, { outcome, change, takeNext });
    },
  );
}

async function tried(
  step: Step,
  call: Promise<Partial<OrderRow>>,
): Promise<{ outcome: Outcome; change: Partial<OrderRow> }> {
  try {
    return { outcome: { result: 'done' }, change: await call };
  } catch (error) {
    const code = error instanceof ProblemError ? error.code : null;
    const why = shortened(error instanceof Error ? error.message : String(error));
    return { outcome: outcomeOf(step, code, why), change: {} };
  }
}

/** It is shown to operators and kept. */
const shortened = (why: string): string => redactText(why).slice(0, 500);

/** The end of a try, the order's change and the saga's next step, in one transaction. */
async function settle(
  options: CommandOptions,
  command: CommandRow,
  { outcome, change, takeNext }: { outcome: Outcome; change: Partial<OrderRow>; takeNext: boolean },
): Promise<CommandRow | undefined> {
  const { db, clock, rules } = options;
  return db.transaction().execute(async (trx) => {
    const order = await lockOrder(trx, command.order_id);
    if (!order) throw new Error(`command ${command.id} has no order`);
    const stored = await storedOf(trx, order);
    const now = clock.now();
    const { id, attempts: attempt } = command;
    if (outcome.result !== 'done') {
      await noteTry(trx, {
        command_id: id,
        number: attempt,
        at: now,
        answered: outcome.result === 'refused' || outcome.answered,
        error: outcome.why,
        trace_id: currentTraceId() ?? null,
      });
    }
    const decision = afterTry(stored, { id, attempt }, outcome, now, rules);
    await write(trx, stored, decision, options, { change });
    const leaseUntil = leaseFrom(now);
    if (!takeNext || !taken(decision.state, now, leaseUntil)) return undefined;
    return takeCommand(trx, now, leaseUntil, { orderId: order.id });
  });
}

const money = (order: OrderRow, amount: number): MoneyMessage => ({ amount, currency: order.currency });
const total = (order: OrderRow): number => order.price + order.delivery_price;

/** What each changes of the order; any other answer than the one that is wanted is thrown. */
const calls: Readonly<Record<Step, (order: OrderRow, options: CommandOptions) => Promise<Partial<OrderRow>>>> = {
  async start_payment(order, { rpc, publicUrl }) {
    const { payment } = await rpc.payments.startPayment(
      {
        paymentId: order.payment_id,
        orderId: order.id,
        buyerId: order.buyer_id,
        sellerId: order.seller_id,
        amount: money(order, total(order)),
        sellerAmount: money(order, order.price),
        description: order.ad_title,
        returnUrl: `${publicUrl}/orders/${order.id}`,
      },
      callOptions(order, 'start_payment'),
    );
    return payment?.confirmationUrl ? { confirmation_url: payment.confirmationUrl } : {};
  },

  async mark_ad_sold(order, { rpc }) {
    await rpc.ads.markSold({ adId: order.ad_id, orderId: order.id }, callOptions(order, 'mark_ad_sold'));
    return {};
  },

  async create_shipment(order, { rpc }) {
    const { shipment } = await rpc.delivery.createShipment(
      {
        shipmentId: order.shipment_id,
        orderId: order.id,
        buyerId: order.buyer_id,
        sellerId: order.seller_id,
        fromCity: order.ad_city,
        destination: { address: order.address ?? '', pickupPoint: order.pickup_point ?? '' },
        description: order.ad_title,
        declaredValue: money(order, order.price),
      },
      callOptions(order, 'create_shipment'),
    );
    if (!shipment) throw new Error('delivery answered without a shipment');
    const { estimated } = shipment;
    return {
      tracking_number: shipment.trackingNumber || null,
      ...(estimated ? { estimated_from: estimated.from, estimated_to: estimated.to } : {}),
    };
  },

  async notify_paid(order, { rpc }) {
    const parameters = {
      ad_title: order.ad_title,
      total_amount: String(total(order)),
      total_currency: order.currency,
      estimated_from: order.estimated_from ?? '',
      estimated_to: order.estimated_to ?? '',
      tracking_number: order.tracking_number ?? '',
    };
    await rpc.notifications.enqueue(
      { userId: order.buyer_id, kind: 'order_paid', orderId: order.id, parameters },
      callOptions(order, 'notify_paid'),
    );
    return {};
  },

  async capture_payment(order, { rpc }) {
    await rpc.payments.capture({ paymentId: order.payment_id }, callOptions(order, 'capture_payment'));
    return {};
  },

  async pay_out_seller(order, { rpc }) {
    await rpc.payments.payOut({ paymentId: order.payment_id }, callOptions(order, 'pay_out_seller'));
    return {};
  },

  async cancel_shipment(order, { rpc }) {
    const request = { shipmentId: order.shipment_id, reason: order.cancel_reason ?? '' };
    await rpc.delivery.cancelShipment(request, callOptions(order, 'cancel_shipment'));
    return {};
  },

  async return_money(order, { rpc }) {
    const request = { paymentId: order.payment_id, reason: order.cancel_reason ?? '' };
    try {
      await rpc.payments.void(request, callOptions(order, 'return_money'));
    } catch (error) {
      if (!(error instanceof ProblemError) || error.code !== 'conflict') throw error;
      // It was captured already.
      await rpc.payments.refund(request, {
        ...callOptions(order, 'return_money'),
        idempotencyKey: `${order.id}:refund`,
      });
    }
    return {};
  },

  async release_ad(order, { rpc }) {
    await rpc.ads.release({ adId: order.ad_id, orderId: order.id }, callOptions(order, 'release_ad'));
    return {};
  },
};

const callOptions = (order: OrderRow, step: Step) => ({
  idempotencyKey: `${order.id}:${step}`,
  deadlineMs: callDeadlineMs,
});
