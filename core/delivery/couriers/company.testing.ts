// A courier company for tests: a server that speaks as its public documentation says, and what a test may do to it.
import type { Hono } from 'hono';
import type { DeliveryStage } from '../../../contracts/delivery.ts';
import { type Listener, listen } from '../../platform/http/listen.ts';
import type { CourierWebhook } from './courier.ts';

export interface Company extends AsyncDisposable {
  readonly url: string;
  /** What happens to requests and answers on their way; nothing while undefined. */
  readonly faults: { between: Between | undefined };
  /** All that it was asked, as `GET /path`. */
  readonly asked: string[];
  /** Parcels that it would carry under this reference. */
  parcels(reference: string): number;
  /** The parcel is somewhere, in the company's own words. */
  says(courierId: string, status: string): Promise<void>;
  /** The request that it sends about the parcel as it is now. */
  webhook(courierId: string): Promise<CourierWebhook>;
  /** Its own word for a stage. */
  readonly words: Readonly<Partial<Record<DeliveryStage, string>>>;
}

export type Between = (request: Request, forward: () => Promise<Response>) => Promise<Response>;

export type Way = Pick<Company, 'url' | 'faults' | 'asked'> & AsyncDisposable;

/** The way to a company. */
export async function openWay(app: Hono): Promise<Way> {
  const faults: Way['faults'] = { between: undefined };
  const asked: string[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    const forward = async (): Promise<Response> => app.fetch(request);
    return faults.between ? faults.between(request, forward) : forward();
  };
  const listener: Listener = await listen({ fetch, hostname: '127.0.0.1', port: 0 });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    faults,
    asked,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

/** The smallest file that is a PDF. */
export const pdf = new TextEncoder().encode('%PDF-1.4\n%%EOF\n');
