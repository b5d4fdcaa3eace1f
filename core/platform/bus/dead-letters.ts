// Dead letters: what a consumer could not process, put aside on `<topic>.dlq`. They are replayed for the one that
// failed, and marks beside them on the same topic tell what became of them.
import { z } from 'zod';
import { realtimeTopic, topicNames } from '../../../contracts/events.ts';
import type { IncomingMessage, OutgoingMessage } from './bus.ts';

export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;

/** Where letters may lie. The live stream has none: docs/decisions/2026-11-25-live-messages-are-not-put-aside.md. */
export const deadLetterTopics = topicNames.filter((topic) => topic !== realtimeTopic).map(deadLetterTopic);

/** Names a message on the bus. */
export const placeOf = ({ topic, partition, offset }: Pick<IncomingMessage, 'topic' | 'partition' | 'offset'>) =>
  `${topic}/${partition}/${offset}`;

/** Room for the headers of a dead letter below the 1 MiB that brokers take at most. */
const largestWholeBytes = 800_000;

export interface Failure {
  readonly service: string;
  readonly reason: string;
  readonly tries: number;
  readonly at: Date;
}

export function deadLetterOf(message: IncomingMessage, { service, reason, tries, at }: Failure): OutgoingMessage {
  const { key, value, headers } = message;
  const replay = replayOf(message);
  const added = {
    dlq_reason: reason.slice(0, 1000),
    dlq_consumer: service,
    dlq_source: placeOf(message),
    dlq_at: at.toISOString(),
    dlq_tries: String(tries),
    ...(replay ? { dlq_replays: String(replay.replays), dlq_replay_of: replay.of } : {}),
  };
  // One that a broker would refuse must not hold up those behind it. It can be read at its source.
  const bytes = [key, value, ...Object.entries(headers).flat()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > largestWholeBytes) return { key: '', value: '', headers: { ...added, dlq_left_out: `${bytes} bytes` } };
  return { key, value, headers: { ...withoutNotes(headers), ...added } };
}

export interface DeadLetter {
  /** Where it lies: `orders.v1.dlq/0/17`. */
  readonly id: string;
  /** The topic that it was on. */
  readonly topic: string;
  readonly key: string;
  readonly type: string | null;
  readonly consumer: string;
  readonly reason: string;
  /** The place of the message that failed. */
  readonly source: string;
  readonly at: Date;
  readonly tries: number;
  /** How often it was replayed before it failed this time. */
  readonly replays: number;
  /** The dead letter that was replayed, when this failed as its replay. */
  readonly replayOf: string | null;
  /** Set when it was too big to be put aside whole: its value is at its source only, and it can't be replayed. */
  readonly leftOut: string | null;
}

const count = z.coerce.number().int().min(0).default(0);
const LetterHeaders = z.object({
  ce_type: z.string().optional(),
  dlq_reason: z.string(),
  dlq_consumer: z.string().min(1),
  dlq_source: z.string(),
  dlq_at: z.iso.datetime(),
  dlq_tries: count,
  dlq_replays: count,
  dlq_replay_of: z.string().optional(),
  dlq_left_out: z.string().optional(),
});

/** Null for what no consumer has put there. */
export function readDeadLetter(message: IncomingMessage): DeadLetter | null {
  const headers = LetterHeaders.safeParse(message.headers).data;
  if (!headers) return null;
  return {
    id: placeOf(message),
    topic: message.topic.slice(0, -deadLetterTopic('').length),
    key: message.key,
    type: headers.ce_type ?? null,
    consumer: headers.dlq_consumer,
    reason: headers.dlq_reason,
    source: headers.dlq_source,
    at: new Date(headers.dlq_at),
    tries: headers.dlq_tries,
    replays: headers.dlq_replays,
    replayOf: headers.dlq_replay_of ?? null,
    leftOut: headers.dlq_left_out ?? null,
  };
}

/** The message as it came, for the consumer that failed: nobody else handles it again. */
export const replayFor = (letter: DeadLetter, { key, value, headers }: IncomingMessage): OutgoingMessage => ({
  key,
  value,
  headers: {
    ...withoutNotes(headers),
    dlq_replay_for: letter.consumer,
    dlq_replay_of: letter.id,
    dlq_replays: String(letter.replays + 1),
  },
});

export interface Replay {
  /** The service that it is for. */
  readonly service: string;
  readonly of: string;
  readonly replays: number;
}

const ReplayHeaders = z
  .object({ dlq_replay_for: z.string(), dlq_replay_of: z.string().default(''), dlq_replays: count })
  .transform((headers) => ({
    service: headers.dlq_replay_for,
    of: headers.dlq_replay_of,
    replays: headers.dlq_replays,
  }));

/** Null for a message that is no replay. */
export const replayOf = ({ headers }: Pick<IncomingMessage, 'headers'>): Replay | null =>
  // Asked of every message, and hardly any is one.
  headers['dlq_replay_for'] === undefined ? null : (ReplayHeaders.safeParse(headers).data ?? null);

/** What became of a dead letter: said on its own topic, so that everybody who reads letters reads that too. */
export const Mark = z.object({
  /** The letter's id. */
  of: z.string().min(1).max(300),
  action: z.enum(['replayed', 'discarded']),
  by: z.string().min(1).max(200),
  at: z.iso.datetime(),
  note: z.string().max(1000).optional(),
});
export type Mark = z.output<typeof Mark>;

/** Under the letter's key, so in its partition. */
export const markFor = ({ key }: Pick<DeadLetter, 'key'>, mark: Mark): OutgoingMessage => ({
  key,
  value: JSON.stringify(mark),
  headers: { dlq_mark: mark.action, 'content-type': 'application/json' },
});

/** Null for what is no mark. */
export function readMark({ headers, value }: IncomingMessage): Mark | null {
  if (headers['dlq_mark'] === undefined) return null;
  try {
    return Mark.safeParse(JSON.parse(value)).data ?? null;
  } catch {
    return null;
  }
}

const withoutNotes = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('dlq_')));
