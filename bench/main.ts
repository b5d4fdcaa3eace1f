// `npm run bench`: side by side with named peers, as ratios of one run. `-- hits` or `-- purchases` runs one of them.
import { parseArgs } from 'node:util';
import { benchHits } from './hits.ts';
import { benchOrders } from './orders.ts';
import { benchPurchases } from './purchases.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    count: { type: 'string', default: '120' },
    buyers: { type: 'string', default: '8' },
    url: { type: 'string' },
    cores: { type: 'string', default: '1' },
  },
});
const wants = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

if (wants('hits')) await benchHits({ rounds: Number(values.rounds), secondsPerRound: Number(values.seconds) });
if (wants('orders'))
  await benchOrders({
    count: Number(values.count),
    atOnce: Number(values.buyers),
    cores: Number(values.cores),
  });
if (wants('purchases'))
  await benchPurchases({ count: Number(values.count), atOnce: Number(values.buyers), url: values.url });
