// The schema of media, in order.
import type { Migration } from 'kysely/migration';
import * as media from './0001-media.ts';

export const migrations: Readonly<Record<string, Migration>> = { '0001-media': media };
