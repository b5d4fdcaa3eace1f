// `npm run bench`: side by side with named peers, as ratios of one run. `-- NAME` runs one of them, such as `-- hits`.
import { parseArgs } from 'node:util';
import { benchColdStart } from './cold-start.ts';
import { benchGraphql } from './graphql.ts';
import { benchHits } from './hits.ts';
import { benchListings } from './listings.ts';
import { benchLive } from './live.ts';
import { benchEmbeddedOrders, benchOrders } from './orders.ts';
import { benchPurge } from './purge.ts';
import { benchRpc } from './rpc.ts';
import { benchUpstream } from './upstream.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    count: { type: 'string', default: '300' },
    buyers: { type: 'string', default: '16' },
    cores: { type: 'string', default: '1' },
    changes: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '300' },
    'changes-per-second': { type: 'string', default: '10' },
    connections: { type: 'string', default: '1000,5000,10000' },
    /** Centrifugo's binary. */
    centrifugo: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const orders = { count: Number(values.count), atOnce: Number(values.buyers) };

const benchmarks: Readonly<Record<string, () => Promise<void>>> = {
  hits: () => benchHits({ rounds, secondsPerRound: Number(values.seconds) }),
  graphql: () => benchGraphql({ rounds, secondsPerRound: Number(values.seconds) }),
  rpc: () => benchRpc({ rounds, calls: 5_000 }),
  purge: () => benchPurge({ changes: Number(values.changes) }),
  listings: () =>
    benchListings({
      seconds: Number(values.seconds) * rounds,
      requestsPerSecond: Number(values.rate),
      changesPerSecond: Number(values['changes-per-second']),
    }),
  upstream: () => benchUpstream({ rounds, requests: 2_000, atOnce: Number(values.buyers) }),
  'cold-start': () => benchColdStart({ rounds }),
  orders: () => benchOrders({ ...orders, cores: Number(values.cores) }),
  'embedded-orders': () => benchEmbeddedOrders(orders),
  live: () =>
    benchLive({
      centrifugo: values.centrifugo,
      connections: values.connections.split(',').map(Number),
      seconds: Number(values.seconds),
    }),
};

const unknown = positionals.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}`);
  process.exit(2);
}
for (const [name, run] of Object.entries(benchmarks)) {
  if (positionals.length === 0 || positionals.includes(name)) await run();
}
