// The schema of search, in order.
import type { Migration } from 'kysely/migration';
import * as search from './0001-search.ts';
import * as matches from './0002-matches.ts';

export const migrations: Readonly<Record<string, Migration>> = { '0001-search': search, '0002-matches': matches };
