// The search service, assembled.
import type { RunningService, ServiceModule } from '../platform/service.ts';
import { searchEvents } from './events.ts';
import { searchHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import { createSavedSearches } from './saved.ts';
import { createSearchService } from './service.ts';
import type { SearchTables } from './store.ts';

export const search: ServiceModule<SearchTables> = {
  name: 'search',
  migrations,
  async start({ db, outbox, clock }): Promise<RunningService<SearchTables>> {
    return {
      http: (implement) => searchHttp(implement, createSearchService(db), createSavedSearches(db, clock)),
      events: searchEvents(outbox, clock),
    };
  },
};
