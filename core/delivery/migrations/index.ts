// The schema of delivery, in order.
import type { Migration } from 'kysely/migration';
import * as start from './0001-start.ts';

export const migrations: Readonly<Record<string, Migration>> = { '0001-start': start };
