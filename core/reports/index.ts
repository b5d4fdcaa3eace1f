// The reports service, assembled.
import type { ServiceModule } from '../platform/service.ts';
import { reportHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import type { ReportsTables } from './store.ts';

export const reports: ServiceModule<ReportsTables> = {
  name: 'reports',
  migrations,
  start: async ({ db, outbox, clock }) => ({ http: reportHttp({ db, outbox, clock }) }),
};
