// The ads service, assembled.

import { startLoop } from '../platform/loop.ts';
import type { RunningService, ServiceModule } from '../platform/service.ts';
import type { Recorder } from './changes.ts';
import { adsEvents } from './events.ts';
import { adsHttp } from './http.ts';
import { createListings } from './listings.ts';
import { createMediaLibrary } from './media.ts';
import { migrations } from './migrations/index.ts';
import { createReservations } from './reservations.ts';
import { adsRpc } from './rpc.ts';
import { seedAds } from './seed/seed.ts';
import { createAdsService } from './service.ts';
import type { AdsTables } from './store.ts';

/** How late an ad may come back on sale; a buyer who tries to take it earlier gets it at once anyway. */
const expiryPollMs = 1_000;

export const ads: ServiceModule<AdsTables> = {
  name: 'ads',
  migrations,
  async start({ db, outbox, clock, log }): Promise<RunningService<AdsTables>> {
    const recorder: Recorder = { outbox, clock };
    const media = createMediaLibrary(db);
    const service = createAdsService({ db, recorder, media });
    const listings = createListings(db, clock);
    const reservations = createReservations(db, recorder);
    return {
      http: (implement) => adsHttp(implement, service, listings),
      rpc: (server) => adsRpc(server, reservations),
      events: adsEvents(recorder, media),
      seed: () => seedAds({ db, outbox, clock }),
      loops: async () => [
        await startLoop({ name: 'ads.expire_holds', run: reservations.expireHolds, pollMs: expiryPollMs, log }),
      ],
    };
  },
};
