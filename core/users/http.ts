// REST routes of users.
import { z } from 'zod';
import { userRoutes as routes } from '../../contracts/users.ts';
import { cacheable } from '../platform/http/cacheable.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import * as service from './service.ts';
import { checkSession, closeSession, refreshSession } from './sessions.ts';

export const userHttp =
  (options: service.UsersOptions) =>
  (implement: Implement): void => {
    implement(routes.register, async ({ body }) => ({ body: await service.register(options, body) }));
    implement(routes.login, async ({ body, raw }) => ({
      body: await service.login(options, body, clientAddress(raw)),
    }));
    implement(routes.refresh, async ({ body }) => ({ body: await refreshSession(options, body.refresh_token) }));
    implement(routes.logout, async ({ body }) => {
      await closeSession(options, body.refresh_token);
      return undefined;
    });

    implement(routes.checkSession, async ({ identity }) => {
      await checkSession(options, identity.userId, identity.sessionId);
      return undefined;
    });
    implement(routes.changePassword, async ({ identity, body, raw }) => {
      await service.changePassword(options, { ...identity, address: clientAddress(raw) }, body);
      return undefined;
    });
    implement(routes.endMySessions, async ({ identity }) => ({
      body: { sessions: await service.signOutEverywhere(options, identity.userId) },
    }));
    implement(routes.endSessionsOfUser, async ({ params }) => ({
      body: { sessions: await service.signOutEverywhere(options, params.id) },
    }));

    implement(routes.jwks, async () => ({
      body: { keys: await options.keys.published() },
      headers: { 'cache-control': 'public, max-age=300' },
    }));

    implement(routes.me, async ({ identity }) => ({ body: await service.getProfile(options, identity.userId) }));
    implement(routes.changeMe, async ({ identity, body }) => ({
      body: await service.changeProfile(options, identity.userId, body),
    }));

    // Before the route with an id, which would take `by-id` for one.
    implement(routes.listSellersById, async ({ query }) => {
      const items = (await service.getSellers(options, query.ids)).map(({ page }) => page);
      return { body: { items }, headers: cacheable({ groups: query.ids.map(service.cacheGroupOf), of: items }) };
    });
    implement(routes.getSeller, async ({ params }) => {
      const { page, version, changedAt } = await service.getSeller(options, params.id);
      const groups = [service.cacheGroupOf(params.id)];
      return { body: page, headers: cacheable({ groups, etag: `"user-${version}"`, lastModified: changedAt }) };
    });
    implement(routes.listReviews, async ({ params, query }) => {
      const cursors = cursorsOf(['reviews', params.id], z.uuid());
      const page = { before: cursors.decode(query.cursor), limit: query.limit };
      const { items, next } = await service.listReviews(options, params.id, page);
      const body = { items, next_cursor: next && cursors.encode(next) };
      // The authors' names are shown too, so a change of theirs counts as well.
      const people = new Set([params.id, ...items.map(({ author }) => author.id)]);
      return { body, headers: cacheable({ groups: [...people].map(service.cacheGroupOf), of: body }) };
    });
    implement(routes.createReview, async ({ identity, body }) => ({
      body: await service.createReview(options, identity.userId, body),
    }));
  };

/** The edge sets the header to the one client it sees; whoever comes past the edge shares one address. */
const clientAddress = (request: Request): string =>
  (request.headers.get('x-forwarded-for')?.split(',', 1)[0] ?? '').trim().slice(0, 64) || 'direct';
