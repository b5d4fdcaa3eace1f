// How dead letters look to an operator.
import { type EventType, eventTypes } from '../../contracts/events.ts';
import type { IncomingMessage } from '../../core/platform/bus/bus.ts';
import { parseEvent } from '../../core/platform/bus/consumer.ts';
import type { Mark } from '../../core/platform/bus/dead-letters.ts';
import type { Letter } from './letters.ts';

const reasonInList = 160;
const keyInList = 60;

/** Two lines a letter, and one for each thing that became of it. */
export const listed = (letter: Letter): string[] => [
  [
    letter.id,
    letter.at.toISOString(),
    letter.consumer,
    letter.type ?? 'no type',
    cut(letter.key, keyInList),
    `${count(letter.tries, 'try', 'tries')}${letter.replays > 0 ? `, ${count(letter.replays, 'replay')}` : ''}`,
  ]
    .map(oneLine)
    .join('  '),
  `    ${cut(oneLine(letter.reason), reasonInList)}`,
  ...letter.marks.map((mark) => `    ${told(mark)}`),
];

export const told = ({ action, at, by, note }: Mark): string =>
  `${action} ${at} by ${oneLine(by)}${note === undefined ? '' : `: ${oneLine(note)}`}`;

/** A letter, or a stranger on its topic, in full. */
export function shown(id: string, message: IncomingMessage, letter: Letter | undefined): string[] {
  return [
    id,
    ...(letter ? facts(letter) : ['  no consumer has put this here']),
    '',
    'headers',
    ...Object.entries(message.headers)
      .filter(([name]) => !letter || !name.startsWith('dlq_'))
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => `  ${oneLine(name)}: ${oneLine(value)}`),
    '',
    'value',
    ...printable(pretty(message.value))
      .split('\n')
      .map((line) => `  ${line}`),
    '',
    'contract',
    ...judged(message).map((line) => `  ${line}`),
  ];
}

const facts = (letter: Letter): string[] =>
  [
    ['consumer', letter.consumer],
    ['reason', letter.reason],
    ['since', letter.at.toISOString()],
    ['source', letter.source],
    ['key', letter.key],
    ['tries', String(letter.tries)],
    ['replays', `${letter.replays}${letter.replayOf === null ? '' : `, the last one of ${letter.replayOf}`}`],
    ...(letter.leftOut === null
      ? []
      : [['left out', `${letter.leftOut} were too many to be put aside: read the message at its source`]]),
    ['state', letter.marks.length === 0 ? 'waits' : letter.marks.map(told).join('; ')],
  ].map(([name = '', text = '']) => `  ${name.padEnd(9)} ${oneLine(text)}`);

/** What the present contract says: a consumer of today would meet the same. */
function judged(message: IncomingMessage): string[] {
  const type = message.headers['ce_type'];
  if (type === undefined) return ['refuses it: ce_type is missing'];
  if (!isEventType(type)) return [`knows no event ${oneLine(type)}`];
  const parsed = parseEvent(type, message);
  if ('event' in parsed) return [`takes it as ${type}: what failed is the consumer’s handling`];
  return [`refuses it as ${type}:`, ...parsed.reason.split('\n').map((line) => `  ${oneLine(line)}`)];
}

const isEventType = (name: string): name is EventType => Object.hasOwn(eventTypes, name);

function pretty(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** Control characters and changes of direction, with which a message could make a terminal lie. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

const printable = (text: string): string =>
  text.replaceAll(unprintable, (character) =>
    character === '\n' || character === '\t' ? character : escaped(character),
  );
const oneLine = (text: string): string => printable(text.replaceAll(/[\n\t]+\s*/g, ' '));
