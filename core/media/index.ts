// The media service, assembled.
import { startLoop } from '../platform/loop.ts';
import type { RunningService, ServiceModule } from '../platform/service.ts';
import { mediaHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import { seedPictures } from './seed/seed.ts';
import { createMediaService } from './service.ts';
import type { MediaTables } from './store.ts';

const cleanUpPollMs = 60_000;

export const media: ServiceModule<MediaTables> = {
  name: 'media',
  migrations,
  async start({ db, objects, outbox, clock, log, config }): Promise<RunningService<MediaTables>> {
    const service = createMediaService({ db, objects, outbox, clock, log });
    return {
      http: (implement) => mediaHttp(implement, service, config.publicUrl),
      seed: () => seedPictures({ db, objects, outbox, clock }),
      loops: async () => [
        await startLoop({ name: 'media.clean_up', run: service.cleanUp, pollMs: cleanUpPollMs, log }),
      ],
    };
  },
};
