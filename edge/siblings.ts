// Processes or threads that serve one address together: what each has to know of a change that another one made,
// and what is asked of all of them.
import { AggregatorRegistry } from 'prom-client';
import { z } from 'zod';
import { Change } from './cache/change.ts';
import type { Log } from './log.ts';

/** Carries messages to all others: between processes of a Node cluster, or threads of Deno. */
export interface SiblingBus {
  /** Ours, among all of them. */
  readonly id: string;
  post(message: unknown): void;
  listen(hear: (message: unknown) => void): void;
}

/** What a sibling says of itself when it is asked. */
export interface SiblingAnswers {
  /** As `registry.getMetricsAsJSON()` gives them. */
  metrics(): Promise<readonly object[]>;
  /** Whether it can do its work. */
  ready(): boolean;
  forget(change: Change): void;
}

export interface Siblings {
  answerWith(answers: SiblingAnswers): void;
  /** The sum of all, in Prometheus' text format. */
  metrics(): Promise<string>;
  /** False also when one of them does not answer. */
  ready(): Promise<boolean>;
  /** Resolves when all of them have forgotten what was changed, so that the next request sees it wherever it arrives. */
  tell(change: Change): Promise<void>;
  /** Tells the others; resolves when all of them have left too. */
  leave(): Promise<void>;
}

const Question = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('metrics') }),
  z.object({ ask: z.literal('ready') }),
  z.object({ ask: z.literal('forget'), change: Change }),
]);
type Question = z.infer<typeof Question>;

const from = z.string();
const Message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hello'), from }),
  z.object({ kind: z.literal('here'), from }),
  z.object({ kind: z.literal('bye'), from }),
  z.object({ kind: z.literal('question'), from, number: z.int(), question: Question }),
  z.object({ kind: z.literal('answer'), from, to: z.string(), number: z.int(), answer: z.unknown() }),
]);
type Message = z.infer<typeof Message>;

/** What the others are told of one that ended without a word. */
export const farewell = (id: string): Message => ({ kind: 'bye', from: id });

/** One that is busy for longer counts as not ready. */
const answerMs = 1_000;
/** The client that changed something waits no longer; a sibling that is late hears of it from realtime as well. */
const forgetMs = 250;

interface Asked {
  readonly waiting: Set<string>;
  readonly answers: unknown[];
  readonly finish: () => void;
}

export function createSiblings(bus: SiblingBus, log: Log): Siblings {
  const others = new Set<string>();
  const asked = new Map<number, Asked>();
  const left = Promise.withResolvers<void>();
  let leaving = false;
  let questions = 0;
  let own: SiblingAnswers | undefined;

  const post = (message: Message): void => bus.post(message);

  bus.listen((said) => {
    const { data: message, error } = Message.safeParse(said);
    if (!message) return log.error('siblings.malformed', { error });
    switch (message.kind) {
      case 'hello':
        others.add(message.from);
        post({ kind: 'here', from: bus.id });
        return;
      case 'here':
        others.add(message.from);
        return;
      case 'bye':
        forgetSibling(message.from);
        return;
      case 'question':
        answer(message.question).then(
          (answered) =>
            post({ kind: 'answer', from: bus.id, to: message.from, number: message.number, answer: answered }),
          (reason: unknown) => log.error('siblings.no_answer', { ask: message.question.ask, error: reason }),
        );
        return;
      case 'answer':
        if (message.to === bus.id) hear(message.number, message.from, message.answer);
        return;
      default:
        message satisfies never;
    }
  });
  post({ kind: 'hello', from: bus.id });

  async function answer(question: Question): Promise<unknown> {
    if (!own) throw new Error('asked before anything is known');
    switch (question.ask) {
      case 'metrics':
        return own.metrics();
      case 'ready':
        return own.ready();
      case 'forget':
        own.forget(question.change);
        return true;
      default:
        return question satisfies never;
    }
  }

  function hear(number: number, sibling: string, answered: unknown): void {
    const question = asked.get(number);
    if (!question?.waiting.delete(sibling)) return;
    question.answers.push(answered);
    if (question.waiting.size === 0) question.finish();
  }

  function forgetSibling(id: string): void {
    others.delete(id);
    for (const question of asked.values()) {
      question.waiting.delete(id);
      if (question.waiting.size === 0) question.finish();
    }
    if (leaving && others.size === 0) left.resolve();
  }

  /** The others' answers; `complete` when all of them gave one in time. */
  async function askAll(question: Question, timeoutMs: number): Promise<{ answers: unknown[]; complete: boolean }> {
    if (others.size === 0) return { answers: [], complete: true };
    const number = ++questions;
    const finished = Promise.withResolvers<void>();
    const waiting = new Set(others);
    const answers: unknown[] = [];
    asked.set(number, { waiting, answers, finish: finished.resolve });
    const late = setTimeout(() => finished.resolve(), timeoutMs);
    post({ kind: 'question', from: bus.id, number, question });
    await finished.promise;
    clearTimeout(late);
    asked.delete(number);
    if (waiting.size > 0) log.warn('siblings.silent', { ask: question.ask, siblings: [...waiting] });
    return { answers, complete: waiting.size === 0 };
  }

  return {
    answerWith(answers) {
      own = answers;
    },
    async metrics() {
      const { answers } = await askAll({ ask: 'metrics' }, answerMs);
      const all = [...answers, await own?.metrics()].filter((each) => Array.isArray(each));
      return AggregatorRegistry.aggregate(all).metrics();
    },
    async ready() {
      const { answers, complete } = await askAll({ ask: 'ready' }, answerMs);
      return complete && answers.every((each) => each === true);
    },
    async tell(change) {
      await askAll({ ask: 'forget', change }, forgetMs);
    },
    leave() {
      leaving = true;
      post({ kind: 'bye', from: bus.id });
      if (others.size === 0) left.resolve();
      return left.promise;
    },
  };
}
