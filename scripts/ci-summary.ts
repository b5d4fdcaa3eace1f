// The last line of a CI run: `node scripts/run.mjs scripts/ci-summary.ts REPORT... [--failed STEP]...`.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { closingLine, readTestReport } from './test-report.ts';

const { values, positionals } = parseArgs({
  options: { failed: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});

let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of positionals.filter((each) => existsSync(each))) {
  const counts = await readTestReport(file);
  passed += counts.passed;
  failed += counts.failed;
  skipped += counts.skipped.length;
}
for (const step of values.failed) console.log(`failed: ${step}`);
// A step that failed without a failed test (types, a crash) counts as one failure.
const steps = values.failed.filter((step) => step !== 'npm test' || failed === 0).length;
console.log(closingLine(passed, failed + steps, skipped));
if (failed + steps > 0) process.exitCode = 1;
