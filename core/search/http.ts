// The REST routes of search: parse, call, answer.
import { searchRoutes } from '../../contracts/search.ts';
import { cacheable } from '../platform/http/cacheable.ts';
import type { Implement } from '../platform/http/implement.ts';
import { searchGroup } from './events.ts';
import type { SavedSearches } from './saved.ts';
import type { SearchService } from './service.ts';

export function searchHttp(implement: Implement, service: SearchService, saved: SavedSearches): void {
  implement(searchRoutes.search, async ({ query }) => {
    const page = await service.search(query);
    return { headers: cacheable({ groups: [searchGroup], of: page }), body: page };
  });
  implement(searchRoutes.suggest, async ({ query }) => {
    const items = await service.suggest(query.q, query.limit);
    return { headers: cacheable({ groups: [searchGroup], of: items }), body: { items } };
  });
  implement(searchRoutes.listSavedSearches, async ({ identity }) => ({
    body: { items: await saved.list(identity.userId) },
  }));
  implement(searchRoutes.saveSearch, async ({ identity, body }) => ({ body: await saved.save(identity.userId, body) }));
  implement(searchRoutes.removeSavedSearch, async ({ identity, params }) => {
    await saved.remove(identity.userId, params.id);
    return undefined;
  });
}
