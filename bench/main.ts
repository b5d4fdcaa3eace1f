// `npm run bench`: side by side with named peers, as ratios of one run. `-- hits`, `-- rpc`, `-- orders` or `-- embedded-orders` runs one of them.
import { parseArgs } from 'node:util';
import { benchHits } from './hits.ts';
import { benchEmbeddedOrders, benchOrders } from './orders.ts';
import { benchRpc } from './rpc.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    count: { type: 'string', default: '300' },
    buyers: { type: 'string', default: '16' },
    cores: { type: 'string', default: '1' },
  },
});
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

if (wants('hits')) await benchHits({ rounds: Number(values.rounds), secondsPerRound: Number(values.seconds) });
if (wants('rpc')) await benchRpc({ rounds: Number(values.rounds), calls: 5_000 });
const load = { count: Number(values.count), atOnce: Number(values.buyers) };
if (wants('orders')) await benchOrders({ ...load, cores: Number(values.cores) });
if (wants('embedded-orders')) await benchEmbeddedOrders(load);
