// Who left messages unread for some time is told by notifications, once until they look.
import type { Loop } from '../platform/loop.ts';
import { startLoop } from '../platform/loop.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { ChatOptions } from './service.ts';
import { nameOf, participantsOf, readAd, takeUnread } from './store.ts';

const atOnce = 100;

export interface NoticesOptions extends ChatOptions {
  readonly log: Log;
  readonly afterMs: number;
}

/** True when more may wait. */
export async function tellUnread({ db, outbox, clock, afterMs }: Omit<NoticesOptions, 'log'>): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const now = clock.now();
    const due = await takeUnread(trx, new Date(now.getTime() - afterMs), atOnce);
    for (const { conversation_id, user_id, unread, read_up_to } of due) {
      const both = await participantsOf(trx, conversation_id);
      const partner = both.find((each) => each.user_id !== user_id);
      const ad = partner && (await readAd(trx, partner.ad_id));
      if (!partner || !ad) continue;
      await outbox.add(trx, 'chat.unread', conversation_id, {
        conversation_id,
        user_id,
        partner_name: (await nameOf(trx, partner.user_id))?.name ?? '',
        ad: { id: ad.id, title: ad.title },
        unread,
        read_up_to,
        at: now.toISOString(),
      });
    }
    return due.length === atOnce;
  });
}

export const startNoticesLoop = (options: NoticesOptions): Promise<Loop> =>
  startLoop({
    name: 'chat.notices',
    // Late by a fifth at most.
    pollMs: Math.max(1_000, options.afterMs / 5),
    log: options.log,
    run: () => tellUnread(options),
  });
