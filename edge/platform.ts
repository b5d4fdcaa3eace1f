// What a runtime lends the edge. Entry files (node.ts, deno.ts, worker.ts) build it; all else is Web APIs.
import type { RecordStore } from './cache/second-level.ts';
import type { EdgeConfig } from './config.ts';
import type { SharedRates } from './limits/shared-rates.ts';
import type { Log } from './log.ts';
import type { Siblings } from './siblings.ts';

export interface Platform {
  readonly runtime: 'node' | 'deno' | 'workerd';
  readonly config: EdgeConfig;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Reaches core and other upstreams. Bodies come as they were sent; redirects are answers like others. */
  readonly fetchUpstream: (request: UpstreamRequest) => Promise<Response>;
  /** Opens a WebSocket with request headers; resolves when it is open, rejects when it can't be. */
  readonly connectWebSocket: (url: string, options: ConnectOptions) => Promise<EdgeSocket>;
  /**
   * Turns the request into a WebSocket. Call it synchronously while answering, and return `response`
   * as it is. Messages may arrive as soon as the caller's turn of the event loop is over.
   */
  readonly upgradeWebSocket: (request: Request) => { readonly response: Response; readonly socket: EdgeSocket };
  /** The peer's address as the runtime saw it; trusted proxies are looked through by `limits/address.ts`. */
  readonly peerAddress: (request: Request) => string;
  /** A storefront file below `edge/site/assets`, by its path such as `app.css`; null when there is none. */
  readonly asset: (path: string) => Asset | null;
  /** Lets work go on after the answer was given. A rejection is logged. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Where the cache keeps answers beside memory, when it is told to. */
  readonly records?: RecordStore;
  /**
   * Only where the process can't hold a connection of its own (Workers): answers `/v1/stream` and
   * `/v1/ws`, and hands on what the hub hears on system channels.
   */
  readonly streamHub?: StreamHub;
  /** Where edges count requests together; without it each counts its own. */
  readonly sharedRates?: SharedRates;
  /** Only where several processes or threads serve the same address. */
  readonly siblings?: Siblings;
}

export interface UpstreamRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly signal?: AbortSignal;
  /** Hears of interim answers (RFC 9110, section 15.2), where the runtime tells of them. */
  readonly onInterim?: (status: number, headers: Readonly<Record<string, string | string[]>>) => void;
}

export interface ConnectOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The part of the standard WebSocket that every runtime has. */
export interface EdgeSocket {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  /** Bytes handed to `send` that have not left yet; undefined where the runtime can't tell. */
  readonly bufferedAmount?: number;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: 'error', listener: (event: unknown) => void): void;
}

export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

export interface StreamHub {
  fetch(request: Request): Promise<Response>;
}
