// The delivery service in memory: its rules as they are (core/delivery/rules.ts), and a model of how service.ts,
// carrying-out.ts and changes.ts carry them out, function by function.

import type { DeliveryStage } from '../../../contracts/delivery.ts';
import { leaseMs } from '../../delivery/carrying-out.ts';
import { isOver, type Patience } from '../../platform/patience.ts';
import type { Courier, Parcel } from './courier.testing.ts';
import { Alarm, type Engine, type Life, Process, type Routine } from './engine.testing.ts';
import { done, fails, type Network, type Reply, type Target } from './network.testing.ts';
import type { Product } from './product.testing.ts';

/** A row of `shipments`; its id is the order's number. */
export interface ShipmentRow {
  readonly order: number;
  readonly wish: Wish;
  /** Whether the courier's id of it is known. */
  readonly registered: boolean;
  readonly stage: DeliveryStage | null;
  readonly cancelling: boolean;
  readonly due: number | null;
  readonly attempts: number;
  readonly failures: number;
  readonly triedSince: number | null;
  readonly attention: string | null;
  readonly attentionVersion: number;
  readonly version: number;
}

export interface Wish {
  readonly method: Parcel['method'];
  /** The courier won't go there; that is known when it is asked for its price, or only when it gets the parcel. */
  readonly quoted: boolean;
  readonly refused: boolean;
}

export type DeliveryEvent =
  | { readonly type: 'delivery.stage_changed'; readonly stage: DeliveryStage; readonly version: number }
  | { readonly type: 'delivery.attention'; readonly why: string | null; readonly version: number };

export interface DeliveryOptions {
  readonly engine: Engine;
  readonly network: Network;
  readonly courier: Courier;
  readonly product: Product;
  readonly patience: Patience;
  /** Writes to the outbox. */
  readonly tell: (order: number, event: DeliveryEvent) => void;
}

/** The courier's client waits so long for one answer. */
const askMs = 3_000;
const askAfterMs = 5 * 60_000;
const longestAskMs = 15 * 60_000;
const untried = { attempts: 0, failures: 0, triedSince: null } as const;
const pauseMs = (attempts: number): number => Math.min(60_000, 200 * 2 ** attempts);

export class Delivery implements Target {
  readonly name = 'delivery';
  readonly processes: readonly Process[];
  awayUntil = 0;
  readonly rows: (ShipmentRow | undefined)[] = [];
  readonly #events = new Set<string>();
  readonly #work: Alarm[] = [];
  readonly #options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.processes = [new Process('delivery-1'), new Process('delivery-2')];
    options.engine.processes.push(...this.processes);
  }

  // service.ts

  /** What the courier refuses for good it says here already. */
  quote({ quoted }: Wish): Reply<null> {
    return quoted ? done : fails('invalid-field', 'There is no such pick-up point');
  }

  *create(life: Life, order: number, wish: Wish, deadline: number): Routine<Reply<ShipmentRow>> {
    if (!this.rows[order]) {
      yield;
      // insertShipment: on conflict do nothing.
      if (!this.rows[order]) {
        const fresh = { registered: false, stage: null, cancelling: false, due: this.#now(life) + leaseMs } as const;
        this.#write({ order, wish, ...fresh, ...untried, attention: null, attentionVersion: 0, version: 0 });
      }
    }
    yield;
    const known = this.#read(order);
    const shipment: Reply<ShipmentRow> =
      known.stage === null ? orUnavailable(yield* this.#carryOut(life, known, deadline)) : { value: known };
    if (shipment.trouble) return shipment;
    return shipment.value.stage === 'cancelled' && !shipment.value.registered
      ? fails('conflict', 'COURIER_REFUSED')
      : shipment;
  }

  *cancel(life: Life, order: number, deadline: number): Routine<Reply<ShipmentRow>> {
    const { answerToCancel } = this.#options.product.delivery;
    const locked = this.rows[order];
    if (!locked) return fails('not-found', 'There is no such shipment');
    let decided = locked;
    if (answerToCancel(locked.stage) === 'do') {
      const due = this.#now(life) + leaseMs;
      decided = this.#update(order, locked.cancelling ? { due } : { cancelling: true, due, ...untried });
    }
    yield;
    const shipment: Reply<ShipmentRow> =
      answerToCancel(decided.stage) === 'do'
        ? orUnavailable(yield* this.#carryOut(life, decided, deadline))
        : { value: decided };
    if (shipment.trouble || shipment.value.stage === 'cancelled') return shipment;
    return fails('conflict', `SHIPMENT_UNDER_WAY: the parcel is ${shipment.value.stage}`);
  }

  attentionVersion(order: number): number {
    return this.#read(order).attentionVersion;
  }

  /** `retry` and `giveUp`: what a person decides about work of its own that is stuck. */
  decideOnStuck(
    life: Life,
    order: number,
    action: 'retry' | 'skip',
    version: number,
  ): Reply<{ why: string | null; version: number }> {
    const shipment = this.rows[order];
    if (!shipment) return fails('not-found', 'There is no such shipment');
    if (shipment.attention !== null) {
      if (shipment.attentionVersion !== version) return fails('conflict', 'It is stuck for another reason now');
      this.#update(order, action === 'skip' ? { cancelling: false, due: null } : { ...untried, due: this.#now(life) });
      this.#attend(order, null);
    }
    const { attention: why, attentionVersion } = this.#read(order);
    return { value: { why, version: attentionVersion } };
  }

  /** False where it is refused with 404, or nobody is there: the courier tells it again. */
  hearWebhook(order: number, stage: DeliveryStage, eventId: number): boolean {
    const { engine, network, product } = this.#options;
    const { life, frozenUntil } = network.someone(this);
    if (this.awayUntil > engine.now || frozenUntil > engine.now || !this.rows[order]) return false;
    const event = `${order}/${eventId}`;
    if (product.ways.inbox && this.#events.has(event)) return true;
    this.#events.add(event);
    this.#applyWord(life, order, stage);
    return true;
  }

  // carrying-out.ts

  *#carryOut(life: Life, begun: ShipmentRow, deadline: number): Routine<Reply<ShipmentRow>> {
    const { order } = begun;
    let shipment = begun;
    if (!begun.registered) {
      const registered = yield* this.#register(life, begun, deadline);
      if (registered.trouble) return registered;
      shipment = registered.value;
    }
    if (!shipment.registered || (shipment !== begun && !shipment.cancelling)) return { value: shipment };
    let refusal: string | null = null;
    let word = yield* this.#courier(life, deadline, (courier) =>
      shipment.cancelling ? courier.cancel(order, `${order}:cancel`) : courier.get(order),
    );
    if (word.trouble?.code === 'refused' && shipment.cancelling) {
      refusal = word.trouble.why;
      word = yield* this.#courier(life, deadline, (courier) => courier.get(order));
    }
    if (word.trouble) return word;
    const heard = this.#answered(this.#applyWord(life, order, word.value));
    if (refusal === null || !heard.cancelling) return { value: heard };
    const refused = this.#update(order, { cancelling: false });
    if (heard.stage !== 'cancelled') return { value: refused };
    this.#update(order, { due: null });
    return { value: this.#attend(order, `cancel: ${refusal}`) };
  }

  #answered(shipment: ShipmentRow): ShipmentRow {
    if (shipment.failures === 0 && shipment.attention === null) return shipment;
    this.#update(shipment.order, { failures: 0, triedSince: null });
    return this.#attend(shipment.order, null);
  }

  *#register(life: Life, { order, wish }: ShipmentRow, deadline: number): Routine<Reply<ShipmentRow>> {
    const word = yield* this.#courier(life, deadline, (courier) => courier.register(order, `${order}:register`, wish));
    if (word.trouble && word.trouble.code !== 'refused') return word;
    if (!word.trouble) return { value: this.#applyWord(life, order, word.value) };
    const locked = this.#read(order);
    if (locked.registered) return { value: locked };
    if (locked.stage === null) this.#moveTo(locked, 'cancelled');
    this.#update(order, { cancelling: false, due: null });
    return { value: this.#attend(order, null) };
  }

  /** The work loop: what is due is taken under a lease. */
  #takeDue(order: number): void {
    const { engine, network } = this.#options;
    const { life, frozenUntil } = network.someone(this);
    const row = this.rows[order];
    if (!row || row.due === null) return;
    const now = this.#now(life);
    const backAt = Math.max(frozenUntil, this.awayUntil, row.due > now ? engine.now + row.due - now : 0);
    if (backAt > engine.now) {
      this.#workOf(order).set(backAt);
      return;
    }
    const taken = this.#update(order, {
      due: now + leaseMs,
      attempts: row.attempts + 1,
      triedSince: row.triedSince ?? now,
    });
    engine.start(life, this.#attempt(life, taken));
  }

  *#attempt(life: Life, row: ShipmentRow): Routine<void> {
    const { trouble } = yield* this.#carryOut(life, row, Number.POSITIVE_INFINITY);
    if (!trouble) return;
    yield;
    this.#postpone(life, row.order, trouble);
  }

  #postpone(life: Life, order: number, { code, why }: { code: string | null; why: string }): void {
    const { patience } = this.#options;
    const shipment = this.#read(order);
    if (shipment.due === null) return;
    const now = this.#now(life);
    const failures = shipment.failures + (code === 'unavailable' || code === 'timeout' ? 0 : 1);
    const isOwed = shipment.stage === null || shipment.cancelling;
    const trying = { failures, since: new Date(shipment.triedSince ?? now) };
    const over = isOwed ? isOver(trying, new Date(now), patience) : failures >= patience.failures;
    this.#update(order, { failures, due: over ? null : now + pauseMs(shipment.attempts) });
    const about = shipment.stage === null ? 'register' : shipment.cancelling ? 'cancel' : 'ask';
    if (over) this.#attend(order, `${about}: ${why}`);
  }

  // changes.ts

  #applyWord(life: Life, order: number, word: DeliveryStage): ShipmentRow {
    const shipment = this.#read(order);
    const { hear, isUnwanted } = this.#options.product.delivery;
    let row = this.#update(order, { registered: true });
    for (const stage of hear(shipment.stage, word)) row = this.#moveTo(row, stage);
    const cancelling = (row.cancelling && row.stage === 'created') || isUnwanted(row.stage, word);
    const due = this.#nextDue({ ...row, cancelling }, this.#now(life));
    const heard = this.#update(order, { cancelling, due });
    return due === null ? this.#attend(order, null) : heard;
  }

  #attend(order: number, why: string | null): ShipmentRow {
    const shipment = this.#read(order);
    if (shipment.attention === why) return shipment;
    const version = shipment.attentionVersion + 1;
    this.#options.tell(order, { type: 'delivery.attention', why, version });
    return this.#update(order, { attention: why, attentionVersion: version });
  }

  #moveTo({ order, version }: ShipmentRow, stage: DeliveryStage): ShipmentRow {
    const { engine } = this.#options;
    const row = this.#update(order, { stage, ...untried, version: version + 1 });
    if (engine.told) engine.say(this.name, `shipment of order ${order} is ${stage}`);
    this.#options.tell(order, { type: 'delivery.stage_changed', stage, version: row.version });
    return row;
  }

  #nextDue({ stage, cancelling, attempts }: ShipmentRow, now: number): number | null {
    if (stage === null || cancelling) return now + pauseMs(attempts);
    if (this.#options.product.delivery.isFinal(stage) || stage === 'delivered') return null;
    return now + Math.min(longestAskMs, askAfterMs * 1.5 ** Math.min(attempts, 20));
  }

  // store.ts

  #read(order: number): ShipmentRow {
    const row = this.rows[order];
    if (!row) throw new Error(`shipment of order ${order} vanished`);
    return row;
  }

  #update(order: number, change: Partial<ShipmentRow>): ShipmentRow {
    return this.#write({ ...this.#read(order), ...change });
  }

  #write(row: ShipmentRow): ShipmentRow {
    this.rows[row.order] = row;
    this.#workOf(row.order).set(row.due);
    return row;
  }

  #workOf(order: number): Alarm {
    this.#work[order] ??= new Alarm(this.#options.engine, () => this.#takeDue(order));
    return this.#work[order];
  }

  *#courier(
    life: Life,
    deadline: number,
    work: (courier: Courier) => Reply<DeliveryStage>,
  ): Routine<Reply<DeliveryStage>> {
    const { engine, network, courier } = this.#options;
    return yield* network.ask(life, courier, Math.min(deadline, engine.now + askMs), () => work(courier));
  }

  #now(life: Life): number {
    return this.#options.engine.now + life.process.skewMs;
  }
}

/** `orUnavailable` knows silence only; a refusal that nothing follows from is a defect to the caller. */
function orUnavailable<Value>(reply: Reply<Value>): Reply<Value> {
  if (reply.trouble?.code === 'unavailable') return fails('delivery-unavailable', reply.trouble.why);
  if (reply.trouble?.code === 'refused') return fails(null, reply.trouble.why);
  return reply;
}
