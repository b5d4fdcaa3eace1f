// A service's consumer: each event's effect happens once, and what can't be processed goes to `<topic>.dlq`.
import { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { type Kysely, sql, type Transaction } from 'kysely';
import { z } from 'zod';
import { type EventData, type EventType, eventTypes } from '../../../contracts/events.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Clock } from '../clock.ts';
import type { InboxTables } from '../db/inbox.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { extractTrace, inSpan } from '../telemetry/tracing.ts';
import type { Bus, Incoming, IncomingMessage, Subscription } from './bus.ts';
import { deadLetterOf, deadLetterTopic, placeOf, replayOf } from './dead-letters.ts';

export interface Event<Type extends EventType> {
  readonly id: string;
  readonly type: Type;
  readonly time: Date;
  readonly data: EventData<Type>;
}

/**
 * What a service does on an event, inside the transaction that remembers it. A handler may not call out:
 * where it has to, it writes down what is owed and a worker does it.
 */
export type Handlers<Tables> = {
  readonly [Type in EventType]?: (event: Event<Type>, trx: Transaction<Tables>) => Promise<void>;
};

export interface ConsumerOptions<Tables extends InboxTables> {
  readonly service: string;
  readonly bus: Bus;
  readonly db: Kysely<Tables>;
  readonly handlers: Handlers<Tables>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A message that still fails after this many tries is put aside, so that those behind it go on. */
  readonly maxAttempts?: number;
  /** What an event's handler locks, as text: its order, or else the key of the message, when not given. */
  readonly lockOf?: LockOf | undefined;
}

export type LockOf = (data: EventData<EventType>, key: string) => string;

const Headers = z.object({
  ce_id: z.string().min(1).max(100),
  ce_type: z.string(),
  ce_time: z.iso.datetime({ offset: true }),
});

export const consumerGroup = (service: string): string => `core-${service}`;

export function startConsumer<Tables extends InboxTables>(options: ConsumerOptions<Tables>): Subscription {
  const { service, bus, db, handlers, clock, log, metrics, maxAttempts = 12 } = options;
  const types = Object.keys(handlers) as EventType[];
  const topics = [...new Set(types.map((type) => eventTypes[type].topic))];
  const attempts = new Map<string, number>();

  const deadLetter = async (message: IncomingMessage, reason: string, tries = 1): Promise<void> => {
    const { topic, partition, offset } = message;
    const letter = deadLetterOf(message, { service, reason, tries, at: clock.now() });
    await bus.publish(deadLetterTopic(topic), [letter]);
    metrics.busDeadLetters.inc({ service, topic });
    log.error('event.dead_lettered', { topic, partition, offset, reason });
  };

  const read = (message: IncomingMessage): Reading<Tables> => {
    const replay = replayOf(message);
    if (replay && replay.service !== service) return 'of no concern'; // we have processed it when it came first
    const named = message.headers['ce_type'];
    if (!named) return { reason: 'headers: ce_type is missing' };
    const type = types.find((each) => each === named);
    // Another kind of event on the same topic; a replay of one would else be gone without a trace.
    if (!type) return replay ? { reason: `${service} hears no ${named}` } : 'of no concern';
    const parsed = parseEvent(type, message);
    return 'reason' in parsed ? parsed : { work: workOf(message, parsed.event, options) };
  };

  const handleOne = async (message: IncomingMessage): Promise<void> => {
    const reading = read(message);
    if (reading === 'of no concern') return;
    if ('reason' in reading) return deadLetter(message, reading.reason);
    const place = placeOf(message);
    try {
      await applyOnce(options, [reading.work]);
      attempts.delete(place);
    } catch (error) {
      const tries = (attempts.get(place) ?? 0) + 1;
      attempts.set(place, tries);
      // A rule that says no will say no again; anything else may pass.
      if (!(error instanceof ProblemError)) {
        if (tries < maxAttempts) throw error;
        // While the database is away, no message can be blamed: all of them wait.
        await sql`select 1`.execute(db);
      }
      const reason = `after ${tries} ${tries === 1 ? 'try' : 'tries'}: ${error instanceof Error ? error.message : String(error)}`;
      await deadLetter(message, reason, tries);
      attempts.delete(place);
    }
  };

  const handleAll = async (messages: Incoming): Promise<void> => {
    if (messages.length > 1 && !messages.some((message) => attempts.has(placeOf(message)))) {
      const readings = messages.map(read).filter((reading) => reading !== 'of no concern');
      const works = readings.flatMap((reading) => ('work' in reading ? [reading.work] : []));
      // What is wrong with one is told by handling them one by one.
      if (works.length === readings.length && (await succeeds(applyOnce(options, works)))) return;
    }
    for (const message of messages) await handleOne(message);
  };

  return bus.subscribe({
    group: consumerGroup(service),
    topics,
    from: 'beginning',
    atOnce: eventsAtOnce,
    handle: async (messages) => {
      const { topic } = messages[0];
      const stop = metrics.busHandleSeconds.startTimer({ service, topic });
      try {
        await handleAll(messages);
        metrics.busConsumed.inc({ service, topic, result: 'ok' }, messages.length);
      } catch (error) {
        metrics.busConsumed.inc({ service, topic, result: 'error' });
        throw error;
      } finally {
        stop();
      }
    },
  });
}

/** A backlog is worked off this many events in one transaction: most of what an event costs is its transaction. */
const eventsAtOnce = 32;

type Reading<Tables> = 'of no concern' | { readonly reason: string } | { readonly work: Work<Tables> };

/** An event that is to have its effect. */
interface Work<Tables> {
  readonly id: string;
  /** Names the rows that it locks. */
  readonly lock: string;
  readonly apply: (trx: Transaction<Tables>) => Promise<void>;
}

function workOf<Tables extends InboxTables, Type extends EventType>(
  message: IncomingMessage,
  event: Event<Type>,
  { service, handlers, lockOf = orderOrKey }: ConsumerOptions<Tables>,
): Work<Tables> {
  const span = {
    kind: SpanKind.CONSUMER,
    parent: extractTrace({ ...message.headers }) ?? ROOT_CONTEXT,
    attributes: { 'messaging.destination.name': message.topic },
  };
  return {
    id: event.id,
    lock: lockOf(event.data, message.key),
    apply: (trx) => inSpan(`${service} handle ${event.type}`, span, () => handlers[event.type]?.(event, trx)),
  };
}

/** Most services lock an order by its id, whichever topic tells of it; else the aggregate that the event is of. */
const orderOrKey: LockOf = (data, key) => ('order_id' in data ? data.order_id : key);

const succeeds = (work: Promise<void>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

/** The event that a message carries, or why it carries none. */
export function parseEvent<Type extends EventType>(
  type: Type,
  message: IncomingMessage,
): { event: Event<Type> } | { reason: string } {
  const headers = Headers.safeParse(message.headers);
  if (!headers.success) return { reason: `headers: ${z.prettifyError(headers.error)}` };
  let json: unknown;
  try {
    json = JSON.parse(message.value);
  } catch {
    return { reason: 'the value is not JSON' };
  }
  const data = eventTypes[type].data.safeParse(json);
  if (!data.success) return { reason: `data: ${z.prettifyError(data.error)}` };
  const event = {
    id: headers.data.ce_id,
    type,
    time: new Date(headers.data.ce_time),
    data: data.data as EventData<Type>,
  };
  return { event };
}

/**
 * The effects and the notes that they happened share one transaction, so a repeated event changes nothing. Events of one
 * lock keep their order; across locks all transactions work in the order of the locks, so that none waits for another
 * that waits for it.
 */
async function applyOnce<Tables extends InboxTables>(
  { db, clock }: ConsumerOptions<Tables>,
  works: readonly Work<Tables>[],
): Promise<void> {
  if (works.length === 0) return;
  const inOrder = works.toSorted((one, other) => compare(one.lock, other.lock));
  await db.transaction().execute(async (trx) => {
    const inbox = trx as unknown as Transaction<InboxTables>;
    const received_at = clock.now();
    const rows = await inbox
      .insertInto('inbox')
      .values(inOrder.map(({ id }) => ({ event_id: id, received_at })))
      .onConflict((conflict) => conflict.column('event_id').doNothing())
      .returning('event_id')
      .execute();
    const news = new Set(rows.map(({ event_id }) => event_id));
    // The same event may be there twice.
    for (const { id, apply } of inOrder) if (news.delete(id)) await apply(trx);
  });
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
