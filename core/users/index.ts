// The users service, assembled.
import { startLoop } from '../platform/loop.ts';
import { folderSecret } from '../platform/secrets.ts';
import type { ServiceModule } from '../platform/service.ts';
import { seedDemoUsers } from './demo.ts';
import { userEvents } from './events.ts';
import { userHttp } from './http.ts';
import { createSigningKeys } from './keys.ts';
import { migrations } from './migrations/index.ts';
import { createPasswords } from './passwords.ts';
import { userRpc } from './rpc.ts';
import type { UsersOptions } from './service.ts';
import { pruneUsers, type UsersTables } from './store.ts';

const housekeepingMs = 10 * 60_000;

export const users: ServiceModule<UsersTables> = {
  name: 'users',
  migrations,
  async start({ config, db, outbox, clock, log }) {
    const keys = createSigningKeys({
      db,
      clock,
      accessTokenSeconds: config.accessTokenSeconds,
      secret: config.jwtKeysSecret ?? (await folderSecret(config.dataFolder, 'jwt-keys')),
    });
    await keys.rotate();
    const options: UsersOptions = {
      db,
      outbox,
      clock,
      keys,
      passwords: await createPasswords(),
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      accessTokenSeconds: config.accessTokenSeconds,
    };
    return {
      http: userHttp(options),
      rpc: userRpc(options),
      events: userEvents(options),
      // A completed order is a sale of its seller.
      lockOf: (data, key) => ('seller_id' in data ? data.seller_id : key),
      loops: async () => [
        await startLoop({
          name: 'users.housekeeping',
          pollMs: housekeepingMs,
          log,
          run: async () => {
            await keys.rotate();
            await pruneUsers(db, clock.now());
            return false;
          },
        }),
      ],
      seed: () => seedDemoUsers(options),
    };
  },
};
