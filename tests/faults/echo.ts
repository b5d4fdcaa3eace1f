// An echo on the topics: publishes again what was published before, later and in any order, as a relay does whose
// lease ran out while it was frozen. The events are the same, so their ids are too.
import type { Bus, IncomingMessage } from '../../core/platform/bus/bus.ts';
import { openKafkaBus } from '../../core/platform/bus/kafka.ts';
import { silentLog } from '../../core/platform/telemetry/log.ts';
import type { Chance } from './luck.ts';

export const echoedTopics = ['orders.v1', 'payments.v1', 'deliveries.v1', 'ads.v1', 'realtime.v1'] as const;

const mostRemembered = 400;
const everyMs = 400;

export class Echo implements AsyncDisposable {
  readonly #bus: Bus;
  readonly #luck: Chance;
  #heard: IncomingMessage[] = [];
  #timer: NodeJS.Timeout | undefined;
  #publishing: Promise<void> | undefined;
  /** Messages published again. */
  repeated = 0;

  private constructor(bus: Bus, luck: Chance) {
    this.#bus = bus;
    this.#luck = luck;
  }

  static async open(brokers: string, luck: Chance): Promise<Echo> {
    const bus = await openKafkaBus({ brokers: brokers.split(','), clientId: 'faults', log: silentLog });
    const echo = new Echo(bus, luck);
    bus.subscribe({
      group: 'faults-echo',
      topics: echoedTopics,
      from: 'end',
      handle: async ([message]) => {
        // What is an echo itself is not remembered again: the topics would fill with nothing else.
        if (message.headers['faults_echo']) return;
        echo.#heard.push(message);
        if (echo.#heard.length > mostRemembered) echo.#heard.shift();
      },
    });
    return echo;
  }

  /** Says nothing of this topic again that was said before now. */
  forget(topic: string): void {
    this.#heard = this.#heard.filter((message) => message.topic !== topic);
  }

  begin(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      this.#publishing ??= this.#repeatSome()
        .catch(() => undefined) // Kafka may be away; that is another fault's doing
        .finally(() => {
          this.#publishing = undefined;
        });
    }, everyMs);
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#publishing;
    await this.#bus[Symbol.asyncDispose]();
  }

  async #repeatSome(): Promise<void> {
    for (const { topic, key, value, headers } of this.#luck.shuffle(this.#heard).slice(0, this.#luck.whole(1, 3))) {
      await this.#bus.publish(topic, [{ key, value, headers: { ...headers, faults_echo: '1' } }]);
      this.repeated += 1;
    }
  }
}
