// The command line of `npm run dlq`, checked.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { services } from '../../contracts/route.ts';
import { deadLetterTopic, deadLetterTopics } from '../../core/platform/bus/dead-letters.ts';

export const usage = `npm run dlq -- list [--topic TOPIC] [--consumer SERVICE] [--all] [--limit 50]
                  what waits; with --all also what was replayed or discarded
npm run dlq -- show ID
                  headers, value, and what the present contract says of it
npm run dlq -- replay ID… [--again] [--note TEXT] [--dry-run]
npm run dlq -- replay --all [--topic TOPIC] [--consumer SERVICE] [--note TEXT] [--dry-run]
                  back to its topic, for the consumer that failed
npm run dlq -- discard ID… --note TEXT
                  not wanted: it no longer waits

Everywhere: --by NAME   who does it (user@host)
            --data DIR  an embedded data folder that no process uses, instead of Kafka (KAFKA_BROKERS)`;

const Topic = z.string().transform((topic, context) => {
  const name = deadLetterTopics.find((each) => each === topic || each === deadLetterTopic(topic));
  if (name) return name;
  context.addIssue(`there is none for ${topic}; there are ${deadLetterTopics.join(', ')}`);
  return z.NEVER;
});
const Consumer = z.enum(services, { error: `must be one of ${services.join(', ')}` });
const Id = z
  .string()
  .refine(
    (id) => deadLetterTopics.includes(topicOf(id)) && /^\/\d{1,9}\/\d{1,16}$/.test(id.slice(topicOf(id).length)),
    { error: ({ input }) => `no id such as orders.v1.dlq/0/17: ${input}` },
  );
const Note = z.string('must say why').trim().min(1, 'must say why').max(1000, 'is longer than 1000 characters');

const common = { by: z.string().trim().min(1).max(200).optional(), data: z.string().min(1).optional() };
const noIds = z.array(z.string()).max(0, 'list takes none');
const selection = { topic: Topic.optional(), consumer: Consumer.optional() };

const Command = z.discriminatedUnion(
  'command',
  [
    z.strictObject({
      ...common,
      ...selection,
      command: z.literal('list'),
      ids: noIds,
      all: z.boolean().default(false),
      limit: z.coerce.number('must be a number').int().min(1).max(10_000).default(50),
    }),
    z.strictObject({ ...common, command: z.literal('show'), ids: z.array(Id).length(1, 'show takes one') }),
    z
      .strictObject({
        ...common,
        ...selection,
        command: z.literal('replay'),
        ids: z.array(Id).max(1_000),
        all: z.boolean().default(false),
        again: z.boolean().default(false),
        note: Note.optional(),
        'dry-run': z.boolean().default(false),
      })
      .refine(({ ids, all }) => all !== ids.length > 0, { path: ['ids'], error: 'name some, or all by --all' })
      .refine(({ all, topic, consumer }) => all || !(topic || consumer), {
        path: ['all'],
        error: '--topic and --consumer choose among --all',
      })
      .refine(({ all, again }) => !(all && again), { path: ['again'], error: 'is for letters that are named' }),
    z.strictObject({
      ...common,
      command: z.literal('discard'),
      ids: z.array(Id).min(1, 'name some').max(1_000),
      note: Note,
    }),
  ],
  { error: 'there is no such command' },
);
export type Command = z.output<typeof Command>;

/** The command itself makes no sense. */
export class Misuse extends Error {}

/** The dead letter topic of a letter's id. */
export const topicOf = (id: string): string => id.slice(0, id.indexOf('/'));

/** Throws `Misuse`, naming what is wrong. */
export function readCommand(args: readonly string[]): Command | 'help' {
  const options = {
    topic: { type: 'string' },
    consumer: { type: 'string' },
    all: { type: 'boolean' },
    limit: { type: 'string' },
    again: { type: 'boolean' },
    note: { type: 'string' },
    'dry-run': { type: 'boolean' },
    by: { type: 'string' },
    data: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new Misuse(error instanceof Error ? error.message : String(error));
  }
  const { help, ...values } = parsed.values;
  const [command, ...ids] = parsed.positionals;
  if (help || command === undefined || command === 'help') return 'help';
  const result = Command.safeParse({ command, ids, ...values });
  if (!result.success) throw new Misuse(z.prettifyError(result.error));
  return result.data;
}
