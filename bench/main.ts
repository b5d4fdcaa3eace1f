// `npm run bench`: side by side with named peers, as ratios of one run. `-- hits`, `-- rpc`, `-- orders` or `-- embedded-orders` runs one of them.
import { parseArgs } from 'node:util';
import { benchHits } from './hits.ts';
import { benchEmbeddedOrders, benchOrders } from './orders.ts';
import { benchRpc } from './rpc.ts';
// `npm run bench`: side by side with named peers, as ratios of one run. `-- hits`, `-- orders`, `-- embedded-orders` or `-- purge` runs one of them.
import { parseArgs } from 'node:util';
import { benchHits } from './hits.ts';
import { benchEmbeddedOrders, benchOrders } from './orders.ts';
import { benchPurge } from './purge.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    count: { type: 'string', default: '300' },
    buyers: { type: 'string', default: '16' },
    cores: { type: 'string', default: '1' },
    changes: { type: 'string', default: '1000' },
  },
});
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

if (wants('hits')) await benchHits({ rounds: Number(values.rounds), secondsPerRound: Number(values.seconds) });
if (wants('rpc')) await benchRpc({ rounds: Number(values.rounds), calls: 5_000 });
const load = { count: Number(values.count), atOnce: Number(values.buyers) };
if (wants('orders')) await benchOrders({ ...load, cores: Number(values.cores) });
if (wants('embedded-orders')) await benchEmbeddedOrders(load);
if (wants('purge')) await benchPurge({ changes: Number(values.changes) });
