// What resolvers load: core's REST answers through the edge's own cache, each once per GraphQL request.
import DataLoader from 'dataloader';
import type { z } from 'zod';
import type { Ad } from '../../contracts/ads.ts';
import { AdId, maxIds, UserId } from '../../contracts/common.ts';
import type { RouteSpec } from '../../contracts/route.ts';
import { routes } from '../../contracts/routes.ts';
import type { SellerPage } from '../../contracts/users.ts';
import type { RequestContext } from '../context.ts';
import type { SiteDeps } from '../site/deps.ts';
import { codeOf, errorOf, problemError } from './errors.ts';
import { maxCalls, tooCostly } from './limits.ts';
import type { Ingredients } from './sharing.ts';

type OperationId = keyof typeof routes;
type Query = Readonly<Record<string, string | number | null | undefined>>;
export type BodyOf<Id extends OperationId> = (typeof routes)[Id]['success'] extends {
  body: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;

interface Wanted {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Query;
}
interface Change extends Wanted {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Loads {
  /** A read. What is asked for twice at the same address is one call. */
  get<Id extends OperationId>(id: Id, wanted?: Wanted): Promise<BodyOf<Id>>;
  /** The same; null where there is no such thing, or the id is none. */
  find<Id extends OperationId>(id: Id, wanted?: Wanted): Promise<BodyOf<Id> | null>;
  /** All that fields of one level ask for are one call. */
  ad(id: string): Promise<Ad | null>;
  seller(id: string): Promise<z.output<typeof SellerPage> | null>;
  change<Id extends OperationId>(id: Id, change: Change): Promise<BodyOf<Id>>;
  /** For the next event of a subscription: what was read before may be out of date. */
  startAnew(): void;
}

export interface LoadsOptions {
  readonly api: SiteDeps['api'];
  readonly context: RequestContext;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  readonly ingredients: Ingredients;
}

export function createLoads({ api, context, token, signal, ingredients }: LoadsOptions): Loads {
  let calls = 0;
  const reads = new Map<string, Promise<unknown>>();

  async function call<Id extends OperationId>(
    id: Id,
    { params = {}, query = {}, body, headers }: Change = {},
  ): Promise<BodyOf<Id>> {
    const route: RouteSpec = routes[id];
    const personal = route.auth !== 'public';
    if (personal) ingredients.spoil();
    if (personal && token === undefined) throw problemError('unauthenticated');
    calls += 1;
    if (calls > maxCalls) throw tooCostly(`At most ${maxCalls} reads in one request`);
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(params[name] ?? ''));
    const response = await api(route.method, path, {
      context,
      query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, value ?? undefined])),
      token: personal ? token : undefined,
      signal,
      body,
      headers,
    });
    if (!response.ok) throw await errorOf(response);
    if (route.method === 'GET') ingredients.add(response);
    if (!route.success.body) {
      await response.body?.cancel();
      return undefined as BodyOf<Id>;
    }
    const parsed = route.success.body.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) throw problemError('bad-gateway');
    return parsed.data as BodyOf<Id>;
  }

  function get<Id extends OperationId>(id: Id, wanted: Wanted = {}): Promise<BodyOf<Id>> {
    const key = JSON.stringify([id, wanted.params, wanted.query]);
    const before = reads.get(key) as Promise<BodyOf<Id>> | undefined;
    if (before) return before;
    const reading = call(id, wanted);
    reads.set(key, reading);
    return reading;
  }

  const orNull = async <Value>(loading: Promise<Value>): Promise<Value | null> => {
    try {
      return await loading;
    } catch (error) {
      // An id that is no id names nothing, too.
      if (codeOf(error) === 'NOT_FOUND') return null;
      throw error;
    }
  };
  const find = <Id extends OperationId>(id: Id, wanted: Wanted = {}): Promise<BodyOf<Id> | null> =>
    Object.values(wanted.params ?? {}).every((each) => AdId.safeParse(each).success)
      ? orNull(get(id, wanted))
      : Promise.resolve(null);

  /** One id goes to its own address, whose answer REST's readers share; several go together. */
  function together<Thing extends { readonly id: string }>(
    id: z.ZodType,
    one: (id: string) => Promise<Thing | null>,
    many: (ids: string) => Promise<readonly Thing[]>,
  ): DataLoader<string, Thing | null> {
    return new DataLoader(
      async (asked) => {
        const ids = [...new Set(asked.filter((each) => id.safeParse(each).success))].sort();
        const found = ids.length > 1 ? await many(ids.join(',')) : [await one(ids[0] ?? '')];
        const byId = new Map(found.flatMap((thing) => (thing ? [[thing.id, thing] as const] : [])));
        return asked.map((each) => byId.get(each) ?? null);
      },
      { maxBatchSize: maxIds },
    );
  }
  const ads = together<Ad>(
    AdId,
    (id) => find('getAd', { params: { id } }),
    async (ids) => (await get('listAdsById', { query: { ids } })).items,
  );
  const sellers = together<z.output<typeof SellerPage>>(
    UserId,
    (id) => find('getSeller', { params: { id } }),
    async (ids) => (await get('listSellersById', { query: { ids } })).items,
  );

  return {
    get,
    find,
    ad: (id) => ads.load(id),
    seller: (id) => sellers.load(id),
    change(id, change) {
      // What comes after a change reads what it made.
      forget();
      return call(id, change);
    },
    startAnew() {
      calls = 0;
      forget();
    },
  };

  function forget(): void {
    reads.clear();
    ads.clearAll();
    sellers.clearAll();
  }
}
