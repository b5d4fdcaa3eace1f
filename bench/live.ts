// Live delivery beside Centrifugo: the same subscribers, who check every message, on the same machine in one run.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../scripts/free-port.ts';
import { until } from '../tests/until.ts';
import { centrifugoSecret, type LoadOrder, type LoadResult } from './live-load.ts';
import { run, start } from './processes.ts';

export interface LiveOptions {
  /** Centrifugo, built from its source with `go build`; without it only our own node is measured. */
  readonly centrifugo: string | undefined;
  readonly connections: readonly number[];
  readonly seconds: number;
}

const reconnects = 1_000;

export async function benchLive({ centrifugo, connections, seconds }: LiveOptions): Promise<void> {
  const contenders = [
    'lotok',
    ...(centrifugo !== undefined && existsSync(centrifugo) ? ['centrifugo' as const] : []),
  ] as const;
  const rows: object[] = [];
  const plans = [
    ...connections.flatMap((count) => (['own', 'one'] as const).map((mode) => ({ mode, count }))),
    { mode: 'reconnect' as const, count: reconnects },
  ];
  for (const { mode, count } of plans) {
    for (const contender of contenders) {
      const measured = await measure(
        contender as LoadOrder['contender'],
        { mode, connections: count, seconds },
        centrifugo,
      );
      rows.push({
        what:
          mode === 'reconnect'
            ? `${count} reconnect, 100 missed each`
            : `${count}, ${mode === 'own' ? 'own channels' : 'one channel'}`,
        server: contender,
        delivered: measured.delivered,
        lost: measured.lost,
        repeated: measured.repeated,
        'p50 ms': measured.p50Ms.toFixed(1),
        'p99 ms': measured.p99Ms.toFixed(1),
        'KiB/connection': measured.kibPerConnection.toFixed(1),
        'CPU µs/delivery': measured.cpuMicrosPerDelivery.toFixed(1),
        'caught up ms': measured.caughtUpMs?.toFixed(0) ?? '',
      });
      console.error(JSON.stringify(rows.at(-1)));
    }
  }
  console.log(
    `\nLive delivery: one message a second of about 200 bytes, ${seconds} s each, server and load on a processor each`,
  );
  console.table(rows);
}

async function measure(
  contender: LoadOrder['contender'],
  plan: Pick<LoadOrder, 'mode' | 'connections' | 'seconds'>,
  centrifugo = '',
): Promise<LoadResult> {
  await using stack = new AsyncDisposableStack();
  const port = await freePort();
  const jwksPort = await freePort();
  const publishPort = contender === 'lotok' ? await freePort() : port;
  let pid: number | undefined;
  if (contender === 'lotok') {
    const node = start('server', process.execPath, ['bench/live-node.ts'], {
      PORT: String(port),
      PUBLISH_PORT: String(publishPort),
      JWKS_URL: `http://127.0.0.1:${jwksPort}/`,
      REALTIME_TOKEN: 'a token that no edge uses here',
      LOG_LEVEL: 'warn',
      STREAMS_PER_ADDRESS: '0',
    });
    stack.use(node);
    pid = node.child.pid;
  } else {
    const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'config.json'), JSON.stringify(centrifugoConfig(port)));
    const node = start('server', centrifugo, ['-c', join(folder, 'config.json')]);
    stack.use(node);
    pid = node.child.pid;
  }
  if (pid === undefined) throw new Error(`${contender} did not start`);
  await until(`${contender} answers`, async () => (await fetch(`http://127.0.0.1:${port}/`)).status > 0, {
    timeoutMs: 20_000,
  });
  const order: LoadOrder = { contender, pid, port, publishPort, ...plan };
  const printed = await run('load', process.execPath, ['bench/live-load.ts'], {
    LOAD: JSON.stringify(order),
    JWKS_PORT: String(jwksPort),
  });
  return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as LoadResult;
}

/** Memory engine, history and recovery on, and a channel's subscribers as its token says: what ours does. */
const centrifugoConfig = (port: number): object => ({
  http_server: { address: '127.0.0.1', port },
  client: { allowed_origins: ['*'], token: { hmac_secret_key: centrifugoSecret } },
  http_api: { key: 'bench' },
  uni_sse: { enabled: true },
  log: { level: 'error' },
  channel: {
    namespaces: ['user', 'category'].map((name) => ({
      name,
      history_size: 200,
      history_ttl: '24h',
      force_recovery: true,
      allow_subscribe_for_client: true,
    })),
  },
});
