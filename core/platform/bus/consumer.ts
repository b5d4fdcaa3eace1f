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
import type { Bus, IncomingMessage, Subscription } from './bus.ts';
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
}

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

  const handle = async (message: IncomingMessage): Promise<void> => {
    const replay = replayOf(message);
    if (replay && replay.service !== service) return; // we have processed it when it came first
    const named = message.headers['ce_type'];
    if (!named) return deadLetter(message, 'headers: ce_type is missing');
    const type = types.find((each) => each === named);
    // Another kind of event on the same topic; a replay of one would else be gone without a trace.
    if (!type) return replay ? deadLetter(message, `${service} hears no ${named}`) : undefined;
    const parsed = parseEvent(type, message);
    if ('reason' in parsed) return deadLetter(message, parsed.reason);
    const place = placeOf(message);
    try {
      await applyOnce(options, parsed.event);
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

  return bus.subscribe({
    group: consumerGroup(service),
    topics,
    from: 'beginning',
    handle: async (message) => {
      const type = message.headers['ce_type'] ?? 'unknown';
      const stop = metrics.busHandleSeconds.startTimer({ service, topic: message.topic });
      const parent = extractTrace({ ...message.headers });
      const span = {
        kind: SpanKind.CONSUMER,
        parent: parent ?? ROOT_CONTEXT,
        attributes: { 'messaging.destination.name': message.topic },
      };
      try {
        await inSpan(`${service} handle ${type}`, span, () => handle(message));
        metrics.busConsumed.inc({ service, topic: message.topic, result: 'ok' });
      } catch (error) {
        metrics.busConsumed.inc({ service, topic: message.topic, result: 'error' });
        throw error;
      } finally {
        stop();
      }
    },
  });
}

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

/** The effect and the note that it happened share one transaction, so a repeated event changes nothing. */
async function applyOnce<Tables extends InboxTables, Type extends EventType>(
  { db, clock, handlers }: ConsumerOptions<Tables>,
  event: Event<Type>,
): Promise<void> {
  const handler = handlers[event.type];
  if (!handler) return;
  await db.transaction().execute(async (trx) => {
    const inbox = trx as unknown as Transaction<InboxTables>;
    const { numInsertedOrUpdatedRows } = await inbox
      .insertInto('inbox')
      .values({ event_id: event.id, received_at: clock.now() })
      .onConflict((conflict) => conflict.column('event_id').doNothing())
      .executeTakeFirst();
    if (numInsertedOrUpdatedRows !== 1n) return;
    await handler(event, trx);
  });
}
