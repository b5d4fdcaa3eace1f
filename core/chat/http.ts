// REST routes of chat.
import { z } from 'zod';
import { chatRoutes as routes } from '../../contracts/chat.ts';
import { ConversationId } from '../../contracts/common.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import * as service from './service.ts';

const ListPlace = z.object({ at: z.iso.datetime(), id: ConversationId });
const MessagePlace = z.int().min(1);

export const chatHttp =
  (options: service.ChatOptions) =>
  (implement: Implement): void => {
    implement(routes.startConversation, async ({ identity, body }) => ({
      body: await service.startConversation(options, identity.userId, body.ad_id),
    }));
    implement(routes.listConversations, async ({ identity, query }) => {
      const cursors = cursorsOf(['conversations', identity.userId], ListPlace);
      const page = { after: cursors.decode(query.cursor), limit: query.limit };
      const { items, next, unread } = await service.listConversations(options, identity.userId, page);
      return { body: { items, next_cursor: next && cursors.encode(next), unread } };
    });
    implement(routes.getConversation, async ({ identity, params }) => ({
      body: await service.getConversation(options, identity.userId, params.id),
    }));
    implement(routes.listMessages, async ({ identity, params, query }) => {
      const cursors = cursorsOf(['messages', params.id], MessagePlace);
      const page = { before: cursors.decode(query.cursor), limit: query.limit };
      const { items, next } = await service.listMessages(options, identity.userId, params.id, page);
      return { body: { items, next_cursor: next === null ? null : cursors.encode(next) } };
    });
    implement(routes.sendMessage, async ({ identity, params, headers, body }) => ({
      body: await service.sendMessage(options, identity.userId, params.id, {
        key: headers['idempotency-key'],
        message: body,
      }),
    }));
    implement(routes.readConversation, async ({ identity, params, body }) => {
      await service.readUpTo(options, identity.userId, params.id, body.up_to);
      return undefined;
    });
    implement(routes.blockPartner, async ({ identity, params }) => {
      await service.setBlock(options, identity.userId, params.id, true);
      return undefined;
    });
    implement(routes.unblockPartner, async ({ identity, params }) => {
      await service.setBlock(options, identity.userId, params.id, false);
      return undefined;
    });
    implement(routes.getReportedMessage, async ({ params }) => ({
      body: await service.getReported(options, params.id),
    }));
  };
