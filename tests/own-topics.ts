// A bus with topics and groups of its own under the usual names: real brokers are everybody's.
import { randomUUID } from 'node:crypto';
import type { Bus, IncomingMessage } from '../core/platform/bus/bus.ts';

export interface OwnTopics {
  readonly bus: Bus;
  /** Between processes that share these topics. */
  readonly prefix: string;
  /** What they are called on the brokers. */
  readonly made: ReadonlySet<string>;
}

/** Disposing it disposes `shared`; who gave no prefix deletes the topics that were `made`. */
export function ownTopics(shared: Bus, prefix = `${randomUUID()}.`): OwnTopics {
  const made = new Set<string>();
  const own = (name: string): string => prefix + name;
  const usual = (message: IncomingMessage): IncomingMessage => ({
    ...message,
    topic: message.topic.slice(prefix.length),
  });
  const bus: Bus = {
    ensureTopics(topics, options) {
      for (const topic of topics) made.add(own(topic));
      return shared.ensureTopics(topics.map(own), options);
    },
    publish: (topic, messages) => shared.publish(own(topic), messages),
    subscribe: (subscription) =>
      shared.subscribe({
        ...subscription,
        group: own(subscription.group),
        topics: subscription.topics.map(own),
        handle: ([first, ...rest], signal) => subscription.handle([usual(first), ...rest.map(usual)], signal),
      }),
    readAll: (topics, visit) => shared.readAll(topics.map(own), (message) => visit(usual(message))),
    lag: async (group, topics) =>
      (await shared.lag(own(group), topics.map(own))).map((each) => ({
        ...each,
        topic: each.topic.slice(prefix.length),
      })),
    epoch: (topic) => shared.epoch(own(topic)),
    [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose](),
  };
  return { bus, prefix, made };
}
