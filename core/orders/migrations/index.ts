// The schema of orders, in order.
import * as start from './0001-start.ts';
import * as operations from './0002-operations.ts';

export const migrations = { '0001-start': start, '0002-operations': operations };
