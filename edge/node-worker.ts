// One process of the edge's cluster on Node; node-cluster.ts starts it, tells it to leave and starts it again.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { edgeConfig } from './config.ts';
import { startEdge } from './node.ts';
import { FromSupervisor, type FromWorker } from './node-cluster-messages.ts';
import type { SiblingBus } from './siblings.ts';

const id = cluster.worker?.id;
if (id === undefined) throw new Error('edge/node-worker.ts is started by the cluster of edge/node.ts');

const say = (message: FromWorker): void => void process.send?.(message);
let hear: (message: unknown) => void = () => undefined;
const bus: SiblingBus = {
  id: String(id),
  post: (message) => say({ kind: 'sibling', message }),
  listen: (listener) => {
    hear = listener;
  },
};

// The supervisor decides when each of its workers leaves, also where a signal reaches all of them (Ctrl-C, systemd).
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

let leaving = false;
async function leave(): Promise<void> {
  if (leaving) return;
  leaving = true;
  await (await starting)[Symbol.asyncDispose]();
  // A connection may have been handed to this process a moment before it stopped listening. It goes back to the
  // supervisor, unless we are gone by then: nobody would ever answer it.
  if (process.connected) {
    const parted = once(process, 'disconnect');
    cluster.worker?.disconnect();
    await parted;
  }
  process.exit(0);
}
// Before anything is said, so that no answer is lost.
process.on('message', (said) => {
  const message = FromSupervisor.parse(said);
  if (message.kind === 'sibling') hear(message.message);
  else void leave();
});
// The supervisor is gone, and with it the port.
process.once('disconnect', () => void leave());

const starting = startEdge(edgeConfig(process.env), bus);
const edge = await starting;
say({ kind: 'ready', url: edge.url, port: edge.port });
