// Column types that services share.
import type { ColumnType } from 'kysely';

/** timestamptz: dates in and out. */
export type Timestamp = ColumnType<Date, Date, Date>;
export type NullableTimestamp = ColumnType<Date | null, Date | null | undefined, Date | null>;
/** jsonb: a value out, its JSON text in (`JSON.stringify`), the same on both databases. */
export type Json<Value> = ColumnType<Value, string, string>;
