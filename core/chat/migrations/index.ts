// The schema of chat, in order.
import * as start from './0001-start.ts';

export const migrations = { '0001-start': start };
