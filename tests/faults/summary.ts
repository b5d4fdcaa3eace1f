// What a run came to, in words.
import type { Outcome } from './run.ts';

export function summaryOf(outcome: Outcome): string {
  const { faults, orders, refusals, begun, loadSeconds, calmAfterSeconds, violations, verdict } = outcome;
  const made = total([...orders.values()].flatMap((row) => [...row.values()]));
  const rows = [...orders]
    .toSorted()
    .flatMap(([kind, row]) => [
      `  ${kind.padEnd(12)}${String(total([...row.values()])).padStart(6)}`,
      ...[...row].toSorted().map(([end, count]) => `    ${String(count).padStart(6)}  ${end}`),
    ]);
  return [
    '',
    `orders by what was meant and how they ended: ${made} of ${begun} purchases, ${(made / loadSeconds).toFixed(1)} a second`,
    ...rows,
    `turned away: ${listed(refusals) || 'nobody'}`,
    '',
    `faults: ${total([...faults.values()])}`,
    ...[...faults].toSorted().map(([name, count]) => `  ${String(count).padStart(5)}  ${name}`),
    `  ${outcome.restarts} restarts of parts, ${outcome.repeatedEvents} events published again`,
    `  requests disturbed: ${listed(outcome.disturbedRequests) || 'none'}`,
    '',
    `calm after ${Math.round(calmAfterSeconds)} s`,
    ...(verdict ? ['', verdict.trim()] : []),
    '',
    violations.length === 0 ? 'no violations' : `violations: ${violations.length}`,
    ...violations.map((each) => `  ${each}`),
  ].join('\n');
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
const listed = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
