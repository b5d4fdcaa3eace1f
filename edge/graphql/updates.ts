// Order tracking by subscription: the edge's own live stream, read in process, as GraphQL events.

import { OrderId } from '../../contracts/common.ts';
import { DeliveryStageMessage, OrderStatusMessage, ResetMessage } from '../../contracts/stream.ts';
import type { RequestContext } from '../context.ts';
import type { SiteDeps } from '../site/deps.ts';
import { errorOf, invalidArgument, problemError } from './errors.ts';

export type OrderUpdate = { readonly position: string } & (
  | { readonly __typename: 'Opened' }
  | { readonly __typename: 'Reset'; readonly reason: string; readonly at: string }
  | {
      readonly __typename: 'StatusUpdate';
      readonly orderId: string;
      readonly status: string;
      readonly cancelReason: string | null;
      readonly at: string;
    }
  | {
      readonly __typename: 'DeliveryUpdate';
      readonly orderId: string;
      readonly stage: string;
      readonly trackingNumber: string | null;
      readonly at: string;
    }
);

export interface OrderUpdates {
  next(): Promise<IteratorResult<OrderUpdate, undefined>>;
  return(): Promise<IteratorResult<OrderUpdate, undefined>>;
}

export interface UpdatesOptions {
  readonly api: SiteDeps['api'];
  readonly context: RequestContext;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

/** Goes through `/v1/stream`, so tokens, limits, resets and the end of a session are the same as there. */
export async function orderUpdates(
  { api, context, token, signal }: UpdatesOptions,
  { order, after }: { readonly order?: string | null | undefined; readonly after?: string | null | undefined },
): Promise<OrderUpdates> {
  if (token === undefined) throw problemError('unauthenticated');
  if (order != null && !OrderId.safeParse(order).success) throw invalidArgument('order', 'must be the id of an order');
  const left = new AbortController();
  const response = await api('GET', '/v1/stream', {
    context,
    token,
    query: { topics: 'orders,deliveries', order: order ?? undefined, last_event_id: after ?? undefined },
    signal: AbortSignal.any([signal, left.signal]),
  });
  if (!response.ok || !response.body) throw await errorOf(response);
  const blocks = sseBlocks(response.body);
  let ended = false;
  return {
    async next() {
      for (;;) {
        const { done, value } = await blocks.next();
        if (done || ended) return { done: true, value: undefined };
        const update = toUpdate(value);
        if (update) return { done: false, value: update };
      }
    },
    // Not a generator's own: that would wait for an event that may never come.
    async return() {
      ended = true;
      left.abort();
      return { done: true, value: undefined };
    },
  };
}

interface Block {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
}

async function* sseBlocks(body: ReadableStream<Uint8Array>): AsyncGenerator<Block, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        yield Object.fromEntries(
          part.split('\n').flatMap((line) => {
            const [, name, rest] = /^(id|event|data): (.*)$/.exec(line) ?? [];
            return name === undefined ? [] : [[name, rest]];
          }),
        );
      }
    }
  } catch (error) {
    // The client left, or the stream's own reason came first; either way it is over.
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  }
}

/** Null for pings and for events of other kinds. */
function toUpdate({ id: position, event, data }: Block): OrderUpdate | null {
  if (position === undefined) return null;
  if (event === undefined || data === undefined) return { __typename: 'Opened', position };
  const json: unknown = JSON.parse(data);
  switch (event) {
    case 'order.status': {
      const { order_id, status, cancel_reason, at } = OrderStatusMessage.parse(json);
      return { __typename: 'StatusUpdate', position, orderId: order_id, status, cancelReason: cancel_reason, at };
    }
    case 'delivery.stage': {
      const { order_id, stage, tracking_number, at } = DeliveryStageMessage.parse(json);
      return { __typename: 'DeliveryUpdate', position, orderId: order_id, stage, trackingNumber: tracking_number, at };
    }
    case 'reset':
      return { __typename: 'Reset', position, ...ResetMessage.parse(json) };
    default:
      return null;
  }
}
