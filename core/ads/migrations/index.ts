// The schema of ads, in order.
import type { Migration } from 'kysely/migration';
import * as ads from './0001-ads.ts';
import * as approvedAt from './0002-approved-at.ts';
import * as givenUpBy from './0003-given-up-by.ts';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-ads': ads,
  '0002-approved-at': approvedAt,
  '0003-given-up-by': givenUpBy,
};
