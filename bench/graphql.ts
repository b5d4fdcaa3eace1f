// A home screen by GraphQL beside the four REST calls that it stands for: the same data, in one run, in turns.
import { setTimeout as pause } from 'node:timers/promises';
import { openEmbeddedShop } from './shop.ts';
import { quantile } from './statistics.ts';

export interface GraphqlOptions {
  readonly rounds: number;
  readonly secondsPerRound: number;
}

/** Screens that are asked for at once. */
const atOnce = 8;
/** News of the seed's changes goes on for a moment after the start. */
const settleMs = 2_000;

const query = `{
  home {
    categories { id name { ru en } attributes { id name { ru en } type unit required choices { id name { ru en } } } ads }
    cities { id name { ru en } latitude longitude }
    newest(first: 12) { items { ...Whole } nextCursor }
  }
  search(city: "moscow", first: 6) {
    items { ...Whole }
    total
    facets { category { value count } city { value count } price { from to count } }
    nextCursor
  }
}
fragment Whole on Ad {
  id title description price { amount currency } category city status attributes { id value }
  photos { id url thumbUrl width height } seller { id name rating reviews } createdAt updatedAt
}`.replaceAll(/\s+/g, ' ');
const rest = ['/v1/categories', '/v1/cities', '/v1/ads?sort=newest&limit=12', '/v1/search?city=moscow&limit=6'];
const address = `/graphql?${new URLSearchParams({ query })}`;
/** A variable that nobody declared: nothing of the whole is shared, all of its parts are. */
const unshared = (turn: number): string => JSON.stringify({ query, variables: { turn } });

export async function benchGraphql({ rounds, secondsPerRound }: GraphqlOptions): Promise<void> {
  await using shop = await openEmbeddedShop();
  let turn = 0;
  const read = async (path: string, init?: RequestInit): Promise<number> => {
    const response = await fetch(shop.url + path, init);
    const size = (await response.arrayBuffer()).byteLength;
    if (!response.ok) throw new Error(`${path.slice(0, 60)}: ${response.status}`);
    return size;
  };
  const post = (body: string): Promise<number> =>
    read('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const contenders: readonly (readonly [name: string, screen: () => Promise<number>])[] = [
    [
      'four REST calls',
      async () => (await Promise.all(rest.map((path) => read(path)))).reduce((sum, size) => sum + size, 0),
    ],
    ['GraphQL by GET, shared', () => read(address)],
    ['GraphQL by POST, shared', () => post(JSON.stringify({ query }))],
    [
      'GraphQL by POST, its parts shared',
      () => {
        turn += 1;
        return post(unshared(turn));
      },
    ],
  ];
  await pause(settleMs);
  const rates = new Map<string, number[]>();
  const times = new Map<string, number[]>();
  const sizes = new Map<string, number>();
  for (const [name, screen] of contenders) sizes.set(name, await screen());
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, screen] of contenders) {
      const took: number[] = [];
      const began = performance.now();
      const until = began + secondsPerRound * 1000;
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          while (performance.now() < until) {
            const asked = performance.now();
            await screen();
            took.push(performance.now() - asked);
          }
        }),
      );
      rates.set(name, [...(rates.get(name) ?? []), (took.length * 1000) / (performance.now() - began)]);
      times.set(name, [...(times.get(name) ?? []), ...took]);
    }
  }
  const reference = quantile(rates.get('four REST calls') ?? [], 0.5);
  console.log(
    `\nHome screens per second, ${atOnce} at once, median of ${rounds} rounds of ${secondsPerRound} s; load and shop share the processors`,
  );
  console.table(
    contenders.map(([name]) => ({
      screen: name,
      'screens/s': Math.round(quantile(rates.get(name) ?? [], 0.5)),
      'REST = 1': (quantile(rates.get(name) ?? [], 0.5) / reference).toFixed(2),
      'p50 ms': quantile(times.get(name) ?? [], 0.5).toFixed(1),
      'p99 ms': quantile(times.get(name) ?? [], 0.99).toFixed(1),
      bytes: sizes.get(name),
    })),
  );
}
