// The deadline of the call that is being answered, so that calls made for it never outlast it.
import { type Context, context, createContextKey } from '@opentelemetry/api';

const key = createContextKey('lotok rpc deadline');

export const withDeadline = (parent: Context, deadline: number): Context => parent.setValue(key, deadline);

/** Milliseconds since the epoch; infinite outside a call. */
export function inheritedDeadline(): number {
  const value = context.active().getValue(key);
  return typeof value === 'number' ? value : Number.POSITIVE_INFINITY;
}
