// The schema of payments, in order.
import type { Migration } from 'kysely/migration';
import * as start from './0001-start.ts';
import * as attention from './0002-attention.ts';
import * as shares from './0003-shares.ts';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-start': start,
  '0002-attention': attention,
  '0003-shares': shares,
};
