// The dead letters of a bus: which there are, and what an operator does with them.
import type { Bus, IncomingMessage } from '../../core/platform/bus/bus.ts';
import {
  type DeadLetter,
  deadLetterTopic,
  type Mark,
  markFor,
  placeOf,
  readDeadLetter,
  readMark,
  replayFor,
} from '../../core/platform/bus/dead-letters.ts';

export interface Letter extends DeadLetter {
  /** What became of it, oldest first; nothing while it waits. */
  readonly marks: readonly Mark[];
}

export interface Letters {
  /** Oldest first. */
  readonly letters: readonly Letter[];
  /** Messages among them that no consumer has put there. */
  readonly strangers: readonly string[];
}

export const isWaiting = ({ marks }: Letter): boolean => marks.length === 0;

export async function readLetters(bus: Pick<Bus, 'readAll'>, topics: readonly string[]): Promise<Letters> {
  const found: DeadLetter[] = [];
  const marks = new Map<string, Mark[]>();
  const strangers: string[] = [];
  await bus.readAll(topics, (message) => {
    const letter = readDeadLetter(message);
    const mark = letter ? null : readMark(message);
    if (letter) found.push(letter);
    else if (mark) marks.set(mark.of, [...(marks.get(mark.of) ?? []), mark]);
    else strangers.push(placeOf(message));
  });
  const letters = found
    .map((letter) => ({ ...letter, marks: marks.get(letter.id) ?? [] }))
    .toSorted((one, other) => one.at.getTime() - other.at.getTime());
  return { letters, strangers };
}

/** The letters with these ids; complains of those that are not there. */
export function choose(letters: readonly Letter[], ids: readonly string[]): Letter[] {
  const known = new Map(letters.map((letter) => [letter.id, letter]));
  const chosen = [...new Set(ids)].map((id) => known.get(id) ?? id);
  const missing = chosen.filter((each) => typeof each === 'string');
  if (missing.length > 0) throw new Error(`no such dead letter: ${missing.join(', ')}`);
  return chosen.filter((each) => typeof each !== 'string');
}

/** The message that lies at a place of a topic; undefined when nothing is kept there. */
export async function messageAt(
  bus: Pick<Bus, 'readAll'>,
  topic: string,
  id: string,
): Promise<IncomingMessage | undefined> {
  let found: IncomingMessage | undefined;
  await bus.readAll([topic], (message) => {
    if (placeOf(message) === id) found = message;
  });
  return found;
}

export interface Signature {
  readonly by: string;
  readonly at: Date;
  readonly note?: string;
}

/**
 * Each goes back to its topic for the consumer that failed, and is marked then. A crash between the two leaves it
 * waiting, so it may be replayed once more: the consumer's inbox makes that harmless.
 */
export async function replay(
  bus: Pick<Bus, 'readAll' | 'publish'>,
  letters: readonly Letter[],
  signature: Signature,
  done: (letter: Letter) => void,
): Promise<void> {
  // Their messages are read again, one at a time, so that any number of them fits into memory.
  const waiting = new Map(letters.map((letter) => [letter.id, letter]));
  const topics = [...new Set(letters.map(({ topic }) => deadLetterTopic(topic)))];
  await bus.readAll(topics, async (message) => {
    const letter = waiting.get(placeOf(message));
    if (!letter) return;
    await bus.publish(letter.topic, [replayFor(letter, message)]);
    await mark(bus, letter, 'replayed', signature);
    waiting.delete(letter.id);
    done(letter);
  });
  if (waiting.size > 0) throw new Error(`no longer kept, and not replayed: ${[...waiting.keys()].join(', ')}`);
}

export const discard = (bus: Pick<Bus, 'publish'>, letter: Letter, signature: Signature): Promise<void> =>
  mark(bus, letter, 'discarded', signature);

const mark = (
  bus: Pick<Bus, 'publish'>,
  letter: Letter,
  action: Mark['action'],
  { at, ...rest }: Signature,
): Promise<void> =>
  bus.publish(deadLetterTopic(letter.topic), [
    markFor(letter, { of: letter.id, action, at: at.toISOString(), ...rest }),
  ]);
