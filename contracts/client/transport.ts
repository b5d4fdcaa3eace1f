// What the ways to the server have in common: one call is one connection, from its opening to its end.

export interface Call {
  /** `/v1/stream` or `/v1/ws` with its query, but without a place. */
  readonly url: URL;
  /** Undefined: the browser's cookie says who we are. */
  readonly token: string | undefined;
  readonly since: string | undefined;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
}

export interface Incoming {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

export interface Ear {
  /** From this place on nothing is missed. */
  opened(id: string): void;
  message(message: Incoming): void;
  /** The server is there, though it has no news. */
  alive(): void;
  /** How long the server wants to be left alone after the end, in ms. */
  retry(ms: number): void;
}

export type Ending =
  /** It was open, and the server or the network ended it. */
  | { readonly why: 'ended' }
  | { readonly why: 'unreachable'; readonly cause: unknown }
  | { readonly why: 'refused'; readonly status: number; readonly retryAfterMs: number; readonly detail: string };

/** Never throws; resolves after the last call of `ear`. */
export type Transport = (call: Call, ear: Ear) => Promise<Ending>;

/** What an answer that is no success says; a problem's words when it has them (RFC 9457). */
export async function refusal(response: Response): Promise<Ending> {
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  const body: unknown = await response.json().catch(() => null);
  const say = (name: string): string | undefined => {
    const word = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
    return typeof word === 'string' ? word : undefined;
  };
  return {
    why: 'refused',
    status: response.status,
    retryAfterMs: Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : 0,
    detail: say('detail') ?? say('title') ?? `HTTP ${response.status}`,
  };
}
