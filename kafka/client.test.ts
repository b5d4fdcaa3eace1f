// The Kafka client at rest: kafkajs alone would wake a thousand times a second, and Node warn of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { describeWith } from '../tests/services.ts';

/** In a process of its own, whose warnings are seen from the first to the last. */
async function run(lines: string): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', lines], {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, out, err };
}

/** Connects, asks something and rests a moment; tells how many timers were set meanwhile. */
const resting = (client: string): string => `
  ${client}
  const admin = kafka.admin();
  await admin.connect();
  await admin.listTopics();
  let timers = 0;
  const { setTimeout: set } = globalThis;
  globalThis.setTimeout = (...args) => { timers += 1; return set(...args); };
  await new Promise((resolve) => set(resolve, 500));
  await admin.disconnect();
  console.log(timers);
`;

describeWith('kafka', 'the Kafka client', (address) => {
  const brokers = JSON.stringify(address.split(','));

  it('warns of nothing and sets hardly a timer while it rests', async () => {
    const { code, out, err } = await run(
      resting(`
        const { createKafkaClient } = await import('./kafka/client.ts');
        const log = { debug() {}, warn: console.error, error: console.error };
        const kafka = createKafkaClient({ brokers: ${brokers}, clientId: 'client-test', log });
      `),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(Number(out)).toBeLessThan(5);
  });

  it('would do both without what is put right here', async () => {
    const { out, err } = await run(
      resting(`
        const { Kafka, logLevel } = (await import('kafkajs')).default;
        const kafka = new Kafka({ brokers: ${brokers}, clientId: 'client-test', logLevel: logLevel.NOTHING });
      `),
    );
    expect(err).toContain('TimeoutNegativeWarning');
    expect(Number(out)).toBeGreaterThan(20);
  });
});
