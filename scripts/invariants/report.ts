// The report for people: a line per invariant, then what is broken, with ids.
import type { Report, Verdict } from './verify.ts';

const marks: Readonly<Record<Verdict['status'], string>> = {
  holds: 'holds   ',
  violated: 'VIOLATED',
  unchecked: 'not seen',
};

export function tableOf(report: Report): string {
  const { verdicts, notes, orders, messages, mode, boundSeconds, at } = report;
  const width = Math.max(...verdicts.map(({ name }) => name.length));
  const lines = verdicts.map(
    ({ name, says, status, reason, durationMs }) =>
      `${marks[status]}  ${String(durationMs).padStart(6)} ms  ${name.padEnd(width)}  ${reason ? `(${reason})` : says}`,
  );
  return [
    `${orders} orders and ${messages} messages, ${mode} at ${at}, bound ${boundSeconds} s`,
    '',
    ...lines,
    ...verdicts.filter(({ status }) => status === 'violated').flatMap(storyOf),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `note: ${note}`)] : []),
    '',
    closingLine(verdicts),
  ].join('\n');
}

const storyOf = ({ name, says, total, violations }: Verdict): string[] => [
  '',
  `${name}: ${says}`,
  ...violations.map(
    ({ about, expected, found }) =>
      `  ${Object.entries(about)
        .map(([what, id]) => `${what} ${id}`)
        .join(', ')}: expected ${expected}; found ${found}`,
  ),
  ...(total > violations.length ? [`  and ${total - violations.length} more`] : []),
];

function closingLine(verdicts: readonly Verdict[]): string {
  const count = (status: Verdict['status']): number => verdicts.filter((verdict) => verdict.status === status).length;
  return `${count('holds')} hold, ${count('violated')} violated, ${count('unchecked')} not checked`;
}
