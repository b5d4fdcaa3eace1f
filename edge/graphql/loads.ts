// What resolvers load: core's REST answers through the edge's own cache, each once per GraphQL request.
import DataLoader from 'dataloader';
import { createGraphQLError } from 'graphql-yoga';
import type { z } from 'zod';
import type { Ad, Category } from '../../contracts/ads.ts';
import type { Order, OrderWithTimeline } from '../../contracts/orders.ts';
import { Problem } from '../../contracts/problem.ts';
import { routes } from '../../contracts/routes.ts';
import type { Profile, SellerPage } from '../../contracts/users.ts';
import type { RequestContext } from '../context.ts';
import type { SiteDeps } from '../site/deps.ts';

export interface Loads {
  ad(id: string): Promise<Ad | null>;
  ads(query: Readonly<Record<string, string | number>>): Promise<readonly Ad[]>;
  categories(): Promise<readonly Category[]>;
  seller(id: string): Promise<z.output<typeof SellerPage> | null>;
  order(id: string): Promise<OrderWithTimeline | null>;
  orders(role: 'buyer' | 'seller', limit: number): Promise<readonly Order[]>;
  me(): Promise<Profile>;
  unread(): Promise<number>;
}

type Query = Readonly<Record<string, string | number>>;
interface Wanted {
  readonly id: keyof typeof routes;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
}

export function createLoads(
  api: SiteDeps['api'],
  context: RequestContext,
  token: string | undefined,
  signal: AbortSignal,
): Loads {
  // Batching by dedupe: the same address asked for by several fields is one call, all of a tick go out together.
  const loader = new DataLoader<Wanted, unknown, string>(
    (wanted) => Promise.all(wanted.map((each) => fetchOne(each).catch((error: Error) => error))),
    {
      cacheKeyFn: ({ id, params, query }) => JSON.stringify([id, params, query]),
      maxBatchSize: 50,
    },
  );

  async function fetchOne({ id, params, query }: Wanted): Promise<unknown> {
    const route = routes[id];
    const personal = route.auth !== 'public';
    if (personal && token === undefined)
      throw createGraphQLError('A valid access token is needed', { extensions: { code: 'UNAUTHENTICATED' } });
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(params[name] ?? ''));
    const response = await api(route.method, path, { context, query, token: personal ? token : undefined, signal });
    if (!response.ok) throw await toError(response);
    const body: unknown = await response.json();
    const parsed = 'body' in route.success ? route.success.body.safeParse(body) : { success: false as const };
    if (!parsed.success)
      throw createGraphQLError('The service behind gave no valid answer', { extensions: { code: 'BAD_GATEWAY' } });
    return parsed.data;
  }

  type Body<Id extends keyof typeof routes> = (typeof routes)[Id]['success'] extends {
    body: infer Schema extends z.ZodType;
  }
    ? z.output<Schema>
    : never;
  const load = async <Id extends keyof typeof routes>(
    id: Id,
    { params = {}, query = {} }: { params?: Record<string, string>; query?: Query } = {},
  ): Promise<Body<Id>> => (await loader.load({ id, params, query })) as Body<Id>;
  const orNull = async <Value>(loading: Promise<Value>): Promise<Value | null> => {
    try {
      return await loading;
    } catch (error) {
      // An id that is no id names nothing, too.
      if (['NOT_FOUND', 'INVALID_PARAMETER'].includes(codeOf(error))) return null;
      throw error;
    }
  };

  return {
    ad: (id) => orNull(load('getAd', { params: { id } })),
    ads: async (query) => (await load('listAds', { query })).items,
    categories: async () => (await load('listCategories')).items,
    seller: (id) => orNull(load('getSeller', { params: { id } })),
    order: (id) => orNull(load('getOrder', { params: { id } })),
    orders: async (role, limit) => (await load('listOrders', { query: { role, limit } })).items,
    me: () => load('me'),
    unread: async () => (await load('listNotifications', { query: { limit: 1 } })).unread,
  };
}

const codeOf = (error: unknown): string => {
  const { extensions } = error as { extensions?: { code?: unknown } };
  return String(extensions?.code);
};

/** A problem's stable type becomes the error's code: `urn:lotok:problem:not-found` → `NOT_FOUND`. */
async function toError(response: Response): Promise<Error> {
  const problem = Problem.safeParse(await response.json().catch(() => null)).data;
  const code = problem?.type.split(':').at(-1)?.replaceAll('-', '_').toUpperCase() ?? 'BAD_GATEWAY';
  return createGraphQLError(problem?.detail ?? problem?.title ?? 'The service behind gave no valid answer', {
    extensions: { code },
  });
}
