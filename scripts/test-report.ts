// What a run of vitest came to, read from its JSON report.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })),
    }),
  ),
});

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Full names of the tests that did not run. */
  readonly skipped: readonly string[];
}

export async function readTestReport(file: string): Promise<TestCounts> {
  const { testResults } = Report.parse(JSON.parse(await readFile(file, 'utf8')));
  const tests = testResults.flatMap((result) => result.assertionResults);
  const named = (...statuses: string[]): string[] =>
    tests.filter((test) => statuses.includes(test.status)).map((test) => test.fullName);
  // A file that could not even be loaded has no tests to fail.
  const brokenFiles = testResults.filter(
    (result) => result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: named('passed').length,
    failed: named('failed').length + brokenFiles.length,
    skipped: named('skipped', 'pending', 'todo', 'disabled'),
  };
}

export const closingLine = (passed: number, failed: number, skipped: number): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;
