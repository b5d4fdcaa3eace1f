// What the storefront asks of the gateway that it lives in.
import type { AccessClaims } from '../../contracts/users.ts';
import type { RequestContext } from '../context.ts';
import type { Log } from '../log.ts';
import type { Asset } from '../platform.ts';

export interface ApiOptions {
  /** Access token of the person on whose behalf the call is made. */
  readonly token?: string | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The page's request, whose trace, id and client address the call carries on. */
  readonly context: RequestContext;
  readonly signal?: AbortSignal | undefined;
}

export interface SiteConfig {
  /** Shows the demo accounts and links to the sandbox. */
  readonly demo: boolean;
  /** Origins other than our own that pictures come from and are uploaded to (object storage). */
  readonly mediaOrigins: readonly string[];
  /** Where browsers reach us, when that is known beforehand. */
  readonly publicUrl?: string | undefined;
  /** Where a trace is looked at, with `{trace_id}` in it. */
  readonly traceUrl?: string | undefined;
}

export interface SiteDeps {
  /** Calls a REST operation of core in process, through the edge's cache and upstream code. */
  api(method: string, path: string, options: ApiOptions): Promise<Response>;
  /** A file of `edge/site/assets/` by its path such as `site.css`; null when there is none. */
  asset(path: string): Asset | null;
  /** The claims of a valid access token, else null. */
  verify(token: string): Promise<AccessClaims | null>;
  /** Milliseconds since the epoch. */
  clock(): number;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly config: SiteConfig;
}
