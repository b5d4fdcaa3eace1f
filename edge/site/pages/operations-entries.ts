// An order's story as one list in time order: what orders, payments, delivery and notifications each know of it.
import type {
  CommandStory,
  DeliveryStory,
  NoticeStory,
  OperatorDecision,
  OrderStory,
  PaymentStory,
  StoryEntry,
} from '../../../contracts/operations.ts';
import type { Format, Strings } from '../i18n.ts';
import type { IconName } from '../icons.ts';

export interface Entry {
  readonly at: string;
  readonly icon: IconName;
  readonly tone: 'plain' | 'good' | 'bad' | 'person';
  readonly title: string;
  readonly detail: string | null;
  readonly traceId: string | null;
  readonly eventId: string | null;
}

/** Oldest first; of the same instant the cause comes before what follows from it. */
export function entriesOf(story: OrderStory, t: Strings, format: Format): Entry[] {
  const all: Entry[] = [
    ...story.decisions.map((decision) => ofDecision(decision, t)),
    ...(story.payment ? ofPayment(story.payment, story, t, format) : []),
    ...(story.delivery ? ofDelivery(story.delivery, story, t) : []),
    ...story.commands.flatMap((command) => endOf(command, t)),
    ...story.timeline.map((entry) => ofTimeline(entry, t)),
    ...owedOf(story.commands, t),
    ...story.notices.flatMap((notice) => ofNotice(notice, story, t)),
  ];
  return all.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

const entry = (
  at: string,
  icon: IconName,
  title: string,
  {
    tone = 'plain',
    detail = null,
    traceId = null,
    eventId = null,
  }: Partial<Pick<Entry, 'tone' | 'detail' | 'traceId' | 'eventId'>> = {},
): Entry => ({ at, icon, title, tone, detail, traceId, eventId });

function ofTimeline(line: StoryEntry, t: Strings): Entry {
  const heard = { traceId: line.trace_id, eventId: line.event_id };
  switch (line.kind) {
    case 'order':
      return entry(line.at, 'box', t.order.statusEvent[line.status], {
        ...heard,
        tone: line.status === 'cancelled' || line.status === 'cancelling' ? 'bad' : 'good',
        detail: line.reason && t.order.reason[line.reason],
      });
    case 'payment':
      return entry(line.at, 'card', t.order.paymentEvent[line.status], heard);
    case 'delivery':
      return entry(line.at, 'truck', t.order.stage[line.stage], heard);
    default:
      return line satisfies never;
  }
}

/** What became owed at one moment is one line. */
function owedOf(commands: readonly CommandStory[], t: Strings): Entry[] {
  const together = Map.groupBy(commands, ({ owed_at }) => owed_at);
  return [...together].map(([at, owed]) =>
    entry(at, 'check', `${t.operations.owed}: ${owed.map(({ step }) => t.operations.step[step]).join(', ')}`, {
      traceId: owed[0]?.trace_id ?? null,
    }),
  );
}

/** Tries that failed, and how it ended. */
function endOf({ step, state, tries, finished_at, last_error, trace_id }: CommandStory, t: Strings): Entry[] {
  const name = t.operations.step[step];
  const failed = tries.map(({ number, at, answered, error, trace_id: traceId }) =>
    entry(at, 'alert', `${(answered ? t.operations.tryFailed : t.operations.trySilent)(number)}: ${name}`, {
      tone: 'bad',
      detail: error,
      traceId,
    }),
  );
  if (finished_at === null || state === 'owed' || state === 'parked') return failed;
  const ended = entry(finished_at, 'check', `${t.operations.stepEnd[state]}: ${name}`, {
    tone: state === 'done' ? 'good' : 'plain',
    // Of one that is done: that there was nothing to do.
    detail: state === 'refused' || state === 'done' ? last_error : null,
    traceId: trace_id,
  });
  return [...failed, ended];
}

function ofDecision(decision: OperatorDecision, t: Strings): Entry {
  const { operator, action, target, step, note, outcome, failure } = decision;
  const about = {
    command: step && t.operations.step[step],
    payment: t.operations.payment,
    delivery: t.operations.shipment,
    order: null,
  }[target];
  const what = [t.operations.action[action], about].filter(Boolean).join(' — ');
  const end = outcome === 'done' ? '' : ` (${[t.operations.outcome[outcome], failure].filter(Boolean).join(': ')})`;
  const who = operator.name ?? `${t.operations.operator} ${operator.id.slice(-8)}`;
  return entry(decision.at, 'user', t.operations.decision(who, what), {
    tone: 'person',
    detail: `“${note}”${end}`,
    traceId: decision.trace_id,
  });
}

function ofPayment(payment: PaymentStory, { timeline }: OrderStory, t: Strings, format: Format): Entry[] {
  const traced = { traceId: payment.trace_id };
  const heard = new Set(timeline.map((line) => (line.kind === 'payment' ? line.status : null)));
  const { payout } = payment;
  return [
    ...payment.provider_events.map(({ id, status, at }) =>
      entry(at, 'card', t.operations.providerTold(status), { ...traced, eventId: id }),
    ),
    ...payment.changes
      .filter(({ status }) => !heard.has(status))
      .map(({ status, at }) =>
        entry(at, 'card', t.order.paymentEvent[status], { ...traced, detail: t.operations.notHeard }),
      ),
    ...payment.ledger.map(({ kind, at, entries }) =>
      entry(at, 'card', t.operations.booked(kind), {
        ...traced,
        detail: entries.map((each) => `${each.account} ${format.money(each)}`).join('; '),
      }),
    ),
    ...(payout ? [entry(payout.created_at, 'card', t.operations.payoutBegun, traced)] : []),
    ...(payout?.paid_at
      ? [entry(payout.paid_at, 'card', t.operations.payoutPaid, { ...traced, detail: format.money(payout.amount) })]
      : []),
  ];
}

function ofDelivery(delivery: DeliveryStory, { timeline }: OrderStory, t: Strings): Entry[] {
  const traced = { traceId: delivery.trace_id };
  const heard = new Set(timeline.map((line) => (line.kind === 'delivery' ? line.stage : null)));
  return [
    ...delivery.courier_events.map(({ id, stage, at }) =>
      entry(at, 'truck', t.operations.courierTold(stage ? t.order.stage[stage] : '?'), { ...traced, eventId: id }),
    ),
    ...delivery.changes
      .filter(({ stage }) => !heard.has(stage))
      .map(({ stage, at }) => entry(at, 'truck', t.order.stage[stage], { ...traced, detail: t.operations.notHeard })),
  ];
}

function ofNotice(notice: NoticeStory, { order }: OrderStory, t: Strings): Entry[] {
  const who = notice.user_id === order.seller_id ? t.operations.seller : t.operations.buyer;
  const what = t.profile.kinds[notice.kind];
  const traced = { traceId: notice.trace_id };
  return [
    entry(notice.created_at, 'bell', t.operations.noticeTo(who, what), {
      ...traced,
      tone: notice.mail === 'failed' ? 'bad' : 'plain',
      detail: notice.mail === 'failed' ? `${t.operations.mailStates.failed}: ${notice.mail_error ?? ''}` : null,
    }),
    ...(notice.mailed_at ? [entry(notice.mailed_at, 'bell', t.operations.mailSent(who, what), traced)] : []),
  ];
}
