// What a run of many worlds has been through, so that nobody takes silence for exploration.

import type { CommandState, OrderStep } from '../../../contracts/operations.ts';
import type { OrderStatus } from '../../../contracts/orders.ts';
import { orderStatuses } from '../../../contracts/orders.ts';
import { type SagaEvent, saga } from '../saga.ts';

export class Coverage {
  worlds = 0;
  steps = 0;
  orders = 0;
  readonly transitions = new Map<string, number>();
  readonly faults = new Map<string, number>();
  /** How commands ended. */
  readonly ends = new Map<string, number>();
  /** What happened at the rim: in companies, and to people. */
  readonly happenings = new Map<string, number>();

  transition(from: OrderStatus, event: SagaEvent): void {
    count(this.transitions, `${from} / ${event}`);
  }

  fault(kind: string): void {
    count(this.faults, kind);
  }

  end(step: OrderStep, state: CommandState): void {
    count(this.ends, `${step} / ${state}`);
  }

  happening(what: string): void {
    count(this.happenings, what);
  }

  /** Lines of the saga's table that were never taken. */
  missing(): string[] {
    return tableLines().filter((line) => !this.transitions.has(line));
  }

  /** For people. */
  report(): string {
    const part = (title: string, lines: readonly (readonly [string, number])[]): string =>
      [title, ...lines.map(([name, times]) => `  ${name.padEnd(40)} ${String(times).padStart(9)}`)].join('\n');
    const sorted = (counts: ReadonlyMap<string, number>) => [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      `${this.worlds} worlds, ${this.orders} orders, ${this.steps} steps`,
      part(
        'transitions',
        tableLines().map((line) => [line, this.transitions.get(line) ?? 0] as const),
      ),
      part('ends of commands', sorted(this.ends)),
      part('faults', sorted(this.faults)),
      part('happenings', sorted(this.happenings)),
    ].join('\n');
  }
}

const tableLines = (): string[] =>
  orderStatuses.flatMap((status) => Object.keys(saga[status].on).map((event) => `${status} / ${event}`));

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
