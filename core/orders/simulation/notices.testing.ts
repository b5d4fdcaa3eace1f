// The notifications service as orders knows it: the news of an order is one by itself, whichever key it comes with.
import { type Engine, Process } from './engine.testing.ts';
import { done, type Reply, type Target } from './network.testing.ts';

export class Notices implements Target {
  readonly name = 'notices';
  readonly processes: readonly Process[] = [new Process('notices')];
  awayUntil = 0;
  readonly sent = new Set<number>();

  constructor(engine: Engine) {
    engine.processes.push(...this.processes);
  }

  enqueue(order: number): Reply<null> {
    this.sent.add(order);
    return done;
  }
}
