// Every invariant, in the order in which a report tells them. docs/invariants.md has the same list for people.
import { ads } from './ads.ts';
import { delivery } from './delivery.ts';
import { events } from './events.ts';
import { histories } from './histories.ts';
import type { Invariant } from './invariant.ts';
import { ledger } from './ledger.ts';
import { messages } from './messages.ts';
import { orders } from './orders.ts';
import { payments } from './payments.ts';
import { stream } from './stream.ts';
import { webhooks } from './webhooks.ts';

export const invariants: readonly Invariant[] = [
  ...payments,
  ...ledger,
  ...orders,
  ...ads,
  ...delivery,
  ...histories,
  ...events,
  ...messages,
  ...stream,
  ...webhooks,
];
