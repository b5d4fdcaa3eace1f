// What `npm run dlq` does with a command; returns the exit code: 0 done, 1 not done, 2 not understood.
import { hostname, userInfo } from 'node:os';
import type { Bus } from '../../core/platform/bus/bus.ts';
import { deadLetterTopics } from '../../core/platform/bus/dead-letters.ts';
import { type Command, Misuse, readCommand, topicOf, usage } from './command.ts';
import type { Connection } from './connection.ts';
import { choose, discard, isWaiting, type Letter, messageAt, readLetters, replay, type Signature } from './letters.ts';
import { count, listed, shown, told } from './print.ts';

export interface Surroundings {
  /** `data` is the embedded folder that was asked for. */
  readonly connect: (data: string | undefined) => Promise<Connection>;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

export async function runDlq(args: readonly string[], { connect, print, complain }: Surroundings): Promise<number> {
  try {
    const command = readCommand(args);
    if (command === 'help') {
      print(usage);
      return 0;
    }
    await using connection = await connect(command.data);
    await obey(command, connection, print);
    return 0;
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    if (!(error instanceof Misuse)) return 1;
    complain(`\n${usage}`);
    return 2;
  }
}

async function obey(command: Command, connection: Connection, print: (line: string) => void): Promise<void> {
  const { bus } = connection;
  switch (command.command) {
    case 'list':
      return list(command, connection, print);
    case 'show': {
      const [id = ''] = command.ids;
      const message = await messageAt(bus, topicOf(id), id);
      if (!message) throw new Error(`no such dead letter: ${id}`);
      const { letters } = await readLetters(bus, [topicOf(id)]);
      const letter = letters.find((each) => each.id === id);
      for (const line of shown(id, message, letter)) print(line);
      return;
    }
    case 'replay': {
      const letters = await toReplay(command, bus);
      if (!command['dry-run']) {
        await replay(bus, letters, signatureOf(command), (letter) =>
          print(`replayed ${letter.id} to ${letter.topic} for ${letter.consumer}`),
        );
        if (letters.length > 0 && connection.isEmbedded) print('They are handled when Lotok starts on this folder.');
      } else for (const letter of letters) print(`would replay ${letter.id} to ${letter.topic} for ${letter.consumer}`);
      if (letters.length === 0) print('nothing waits');
      return;
    }
    case 'discard': {
      const { letters } = await readLetters(bus, [...new Set(command.ids.map(topicOf))]);
      const chosen = choose(letters, command.ids);
      complainOf(chosen.filter((letter) => !isWaiting(letter)));
      for (const letter of chosen) {
        await discard(bus, letter, signatureOf(command));
        print(`discarded ${letter.id}`);
      }
      return;
    }
    default:
      command satisfies never;
  }
}

async function list(
  { topic, consumer, all, limit }: Extract<Command, { command: 'list' }>,
  { bus, name }: Connection,
  print: (line: string) => void,
): Promise<void> {
  const { letters, strangers } = await readLetters(bus, topic ? [topic] : deadLetterTopics);
  const wanted = letters.filter(
    (letter) => (all || isWaiting(letter)) && (consumer === undefined || letter.consumer === consumer),
  );
  for (const letter of wanted.slice(0, limit)) for (const line of listed(letter)) print(line);
  if (wanted.length > limit) print(`and ${wanted.length - limit} more: --limit shows more of them`);
  const what = all ? count(wanted.length, 'dead letter') : `${count(wanted.length, 'dead letter')} waiting`;
  print(`${what} ${name}`);
  if (strangers.length > 0)
    print(`${count(strangers.length, 'message')} there that no consumer has put aside, such as ${strangers[0]}`);
}

async function toReplay(
  { ids, all, again, topic, consumer }: Extract<Command, { command: 'replay' }>,
  bus: Pick<Bus, 'readAll'>,
): Promise<Letter[]> {
  const topics = all ? (topic ? [topic] : deadLetterTopics) : [...new Set(ids.map(topicOf))];
  const { letters } = await readLetters(bus, topics);
  if (all) {
    return letters.filter(
      (letter) =>
        isWaiting(letter) && letter.leftOut === null && (consumer === undefined || letter.consumer === consumer),
    );
  }
  const chosen = choose(letters, ids);
  if (!again)
    complainOf(
      chosen.filter((letter) => !isWaiting(letter)),
      ' (--again replays it all the same)',
    );
  const cut = chosen.find(({ leftOut }) => leftOut !== null);
  if (cut) throw new Error(`${cut.id} was too big to be put aside whole: only ${cut.source} has it`);
  return chosen;
}

function complainOf(done: readonly Letter[], hint = ''): void {
  const [letter] = done;
  const last = letter?.marks.at(-1);
  if (letter && last) throw new Error(`${letter.id} was ${told(last)}${hint}`);
}

function signatureOf({ by, note }: { by?: string | undefined; note?: string | undefined }): Signature {
  return {
    by: by ?? `${userName()}@${hostname()}`,
    at: new Date(),
    ...(note === undefined ? {} : { note }),
  };
}

/** In a container the user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'somebody');
  }
}
