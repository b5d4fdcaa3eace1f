// The saga's table as a relation, so that histories can be joined with it.
import { type RawBuilder, sql } from 'kysely';
import { type State, type Step, saga } from '../../core/orders/saga.ts';

interface Move {
  /** Empty for the beginning. */
  readonly from: string;
  readonly to: string;
  /** Null where any will do: it is the one that the order has already. */
  readonly reason: string | null;
  readonly steps: readonly string[];
}

const states = Object.entries(saga) as [string, State][];

const unwantedIn = Object.fromEntries(states.map(([status, { unwanted = [] }]) => [status, unwanted]));

const moves: readonly Move[] = [
  { from: '', to: 'pending_payment', reason: null, steps: ['start_payment'] },
  ...states.flatMap(([from, { on }]) =>
    Object.values(on).map(({ to, reason = null, commands: steps = [] }) => ({ from, to, reason, steps })),
  ),
];
// Several events may lead the same way.
const distinct = [...new Set(moves.map((move) => JSON.stringify(move)))];

/** As `saga("from", "to", reason, steps)`. */
export const sagaTable: RawBuilder<unknown> = sql`
  jsonb_to_recordset(${`[${distinct.join(',')}]`}::text::jsonb) as saga("from" text, "to" text, reason text, steps jsonb)`;

/** Whether the step became unwanted in the same moment in which it was owed: then it was never written down. */
export const wasUnwantedAtOnce = (step: RawBuilder<unknown>): RawBuilder<unknown> => sql`exists (
  select from orders.timeline later join jsonb_each(${JSON.stringify(unwantedIn)}::text::jsonb) as unwanted(status, steps)
    on unwanted.status = later.value and unwanted.steps ? ${step}
  where later.order_id = history.order_id and later.kind = 'order' and later.id > history.id and later.at = history.at)`;

/** An operator has said of this step that it was done by hand, or that nobody needs it. */
export const wasSkipped = (order: RawBuilder<unknown>, step: Step): RawBuilder<unknown> => sql`exists (
  select from orders.commands skipped
  where skipped.order_id = ${order} and skipped.step = ${step} and skipped.state = 'skipped')`;

/** Statuses that end by themselves after a time. */
export const timedStatuses: readonly string[] = states.flatMap(([status, { timeout }]) => (timeout ? [status] : []));

/** Each change of an order's status as `history(order_id, id, "from", "to", reason, at)`. */
export const orderHistory: RawBuilder<unknown> = sql`(
  select order_id, id, coalesce(lag(value) over (partition by order_id order by id), '') as "from", value as "to", reason, at
  from orders.timeline where kind = 'order') as history`;
