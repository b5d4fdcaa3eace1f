// Dead letters keep what was put aside, and say where it came from and what became of it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IncomingMessage, OutgoingMessage } from './bus.ts';
import {
  type DeadLetter,
  deadLetterOf,
  deadLetterTopic,
  markFor,
  placeOf,
  readDeadLetter,
  readMark,
  replayFor,
  replayOf,
} from './dead-letters.ts';

const at = new Date('2026-11-25T10:00:00Z');
const failure = { service: 'search', reason: 'after 12 tries: ill', tries: 12, at };
const arrived = (message: OutgoingMessage, topic: string, offset = 17): IncomingMessage => ({
  ...message,
  topic,
  partition: 3,
  offset,
  timestamp: at,
});
const event = arrived(
  { key: 'ad-1', value: '{"a":1}', headers: { ce_id: 'id-1', ce_type: 'ad.deleted', traceparent: '00-a-b-01' } },
  'ads.v1',
);
const putAside = (message: IncomingMessage, offset = 5): IncomingMessage =>
  arrived(deadLetterOf(message, failure), deadLetterTopic(message.topic), offset);
const letterIn = (message: IncomingMessage): DeadLetter => {
  const letter = readDeadLetter(message);
  if (!letter) throw new Error('no dead letter');
  return letter;
};

describe('a dead letter', () => {
  it('says what it was, who failed, where, when, why and after how many tries', () => {
    expect(letterIn(putAside(event))).toEqual({
      id: 'ads.v1.dlq/3/5',
      topic: 'ads.v1',
      key: 'ad-1',
      type: 'ad.deleted',
      consumer: 'search',
      reason: 'after 12 tries: ill',
      source: 'ads.v1/3/17',
      at,
      tries: 12,
      replays: 0,
      replayOf: null,
      leftOut: null,
    });
  });

  it('is replayed as it came, for the one that failed, and counts that when it fails again', () => {
    const first = putAside(event);
    const replay = replayFor(letterIn(first), first);
    expect(replay).toEqual({
      key: event.key,
      value: event.value,
      headers: {
        ...event.headers,
        dlq_replay_for: 'search',
        dlq_replay_of: 'ads.v1.dlq/3/5',
        dlq_replays: '1',
      },
    });
    const second = putAside(arrived(replay, 'ads.v1', 40), 9);
    expect(letterIn(second)).toMatchObject({ replays: 1, replayOf: 'ads.v1.dlq/3/5', source: 'ads.v1/3/40' });
    expect(second.headers, 'whoever reads a letter is not its addressee').not.toHaveProperty('dlq_replay_for');
    expect(replayOf(replayFor(letterIn(second), second))).toEqual({
      service: 'search',
      of: 'ads.v1.dlq/3/9',
      replays: 2,
    });
  });

  it('carries any message unchanged through being put aside and replayed', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !text.startsWith('dlq_') && text !== '__proto__');
    const message = fc.record({ key: fc.string(), value: fc.string(), headers: fc.dictionary(name, fc.string()) });
    fc.assert(
      fc.property(message, fc.string(), ({ headers, ...rest }, reason) => {
        const sent = arrived({ ...rest, headers: { ...headers } }, 'ads.v1');
        const letter = arrived(deadLetterOf(sent, { ...failure, reason }), 'ads.v1.dlq');
        const back = replayFor(letterIn(letter), letter);
        const own = Object.entries(back.headers).filter(([header]) => !header.startsWith('dlq_'));
        expect([back.key, back.value, Object.fromEntries(own)]).toEqual([sent.key, sent.value, sent.headers]);
      }),
    );
  });

  it('of a message that leaves no room for it says so, instead of holding up what is behind', () => {
    const huge = arrived({ key: 'k', value: 'x'.repeat(1_000_000), headers: { ce_type: 'ad.deleted' } }, 'ads.v1');
    const letter = letterIn(putAside(huge));
    expect(letter).toMatchObject({ key: '', leftOut: '1000018 bytes', source: 'ads.v1/3/17', consumer: 'search' });
  });

  it('is nothing that a consumer did not put there', () => {
    for (const headers of [{}, { dlq_reason: 'x' }, { ...deadLetterOf(event, failure).headers, dlq_tries: 'many' }])
      expect(readDeadLetter({ ...event, topic: 'ads.v1.dlq', headers })).toBeNull();
    expect(replayOf(event)).toBeNull();
    expect(readMark(putAside(event))).toBeNull();
  });
});

describe('a mark', () => {
  const mark = { of: 'ads.v1.dlq/3/5', action: 'replayed', by: 'ops@host', at: at.toISOString() } as const;

  it('says what became of a letter, beside it', () => {
    const sent = markFor(letterIn(putAside(event)), { ...mark, note: 'mended' });
    expect(sent.key, 'in the letter’s partition').toBe(event.key);
    const read = arrived(sent, 'ads.v1.dlq', 6);
    expect(readMark(read)).toEqual({ ...mark, note: 'mended' });
    expect(readDeadLetter(read)).toBeNull();
  });

  it('that makes no sense is none', () => {
    const sent = arrived(markFor({ key: 'k' }, mark), 'ads.v1.dlq');
    for (const value of ['{', 'null', '{}', JSON.stringify({ ...mark, action: 'burnt' })])
      expect(readMark({ ...sent, value })).toBeNull();
  });
});

it('names a message on the bus', () => {
  expect(placeOf({ topic: 'ads.v1', partition: 3, offset: 17 })).toBe('ads.v1/3/17');
});
