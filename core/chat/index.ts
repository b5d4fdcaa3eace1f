// The chat service, assembled.
import type { ServiceModule } from '../platform/service.ts';
import { chatEvents } from './events.ts';
import { chatHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import { startNoticesLoop } from './notices.ts';
import type { ChatTables } from './store.ts';

export const chat: ServiceModule<ChatTables> = {
  name: 'chat',
  migrations,
  async start({ db, outbox, clock, config, log }) {
    const options = { db, outbox, clock };
    return {
      http: chatHttp(options),
      events: chatEvents(options),
      loops: async () => [await startNoticesLoop({ ...options, log, afterMs: config.chatNoticeSeconds * 1000 })],
    };
  },
};
