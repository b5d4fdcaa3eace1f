// gRPC methods of notifications.
import { z } from 'zod';
import { OrderId, UserId } from '../../contracts/common.ts';
import { NotificationKind } from '../../contracts/notifications.ts';
import { fieldErrors, ProblemError } from '../../contracts/problem.ts';
import {
  type Notice,
  NotificationsServiceService,
} from '../../proto/generated/lotok/notifications/v1/notifications.ts';
import type { RpcServer } from '../platform/rpc/server.ts';
import { redactText } from '../platform/telemetry/redact.ts';
import { traceIdOf } from '../platform/telemetry/tracing.ts';
import { enqueue, type NotificationsOptions } from './service.ts';
import { type NotificationRow, readTold } from './store.ts';

const Request = z.object({
  userId: UserId,
  kind: NotificationKind,
  orderId: z.literal('').or(OrderId),
  parameters: z
    .record(z.string().max(50), z.string().max(1_000))
    .refine((all) => Object.keys(all).length <= 20, 'at most 20 parameters'),
});

const OfOrder = z.object({ orderId: OrderId });

export const notificationRpc =
  (options: NotificationsOptions) =>
  (server: RpcServer): void =>
    server.add(NotificationsServiceService, {
      async enqueue(request, { idempotencyKey, peer }) {
        const { success, data, error } = Request.safeParse(request);
        if (!success) throw new ProblemError('invalid-field', { errors: fieldErrors(error) });
        const { userId, kind, orderId, parameters } = data;
        // The news of an order is one by itself, whichever key it comes with; other news is one by the caller's key.
        const wish = { userId, kind, orderId: orderId || null, key: `call/${peer}/${idempotencyKey}`, parameters };
        return { notificationId: await enqueue(options, wish) };
      },
      async getStory(request) {
        const { success, data, error } = OfOrder.safeParse(request);
        if (!success) throw new ProblemError('invalid-field', { errors: fieldErrors(error) });
        return { notices: (await readTold(options.db, data.orderId)).map(present) };
      },
    });

const present = (row: NotificationRow): Notice => ({
  notificationId: row.id,
  kind: row.kind,
  userId: row.user_id,
  inApp: row.in_app,
  readAt: row.read_at?.toISOString() ?? '',
  mail: row.mail,
  mailAttempts: row.mail_attempts,
  // What a mail server says may name the mailbox.
  mailError: redactText(row.mail_error ?? ''),
  mailedAt: row.mailed_at?.toISOString() ?? '',
  createdAt: row.created_at.toISOString(),
  traceId: traceIdOf(row.headers) ?? '',
});
