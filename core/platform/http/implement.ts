// Puts a contract's route on a Hono app: validates what comes in, types the handler, writes what goes out.
import type { Context, Hono } from 'hono';
import { z } from 'zod';
import { fieldErrors, ProblemError } from '../../../contracts/problem.ts';
import {
  type BodyOf,
  type HeadersOf,
  needsToken,
  type ParamsOf,
  type QueryOf,
  type ResultOf,
  type RouteSpec,
  roleFor,
} from '../../../contracts/route.ts';
import type { Authenticate, Identity } from './authenticate.ts';
import { unlessKnown } from './conditional.ts';
import { parseJson } from './json-body.ts';
import { unstorableText } from './storable.ts';

export interface HttpRequest<Spec extends RouteSpec> {
  readonly params: ParamsOf<Spec>;
  readonly query: QueryOf<Spec>;
  readonly headers: HeadersOf<Spec>;
  readonly body: BodyOf<Spec>;
  /** Who asks; only there on routes that need a token. */
  readonly identity: Spec['auth'] extends 'user' | 'moderator' | 'operator' ? Identity : undefined;
  readonly raw: Request;
}

export type HttpReply<Spec extends RouteSpec> =
  | { readonly body: ResultOf<Spec>; readonly headers?: Readonly<Record<string, string>> }
  | { readonly headers: Readonly<Record<string, string>>; readonly bytes: Uint8Array<ArrayBuffer> | ReadableStream }
  | (ResultOf<Spec> extends undefined ? undefined : never);

export type HttpHandler<Spec extends RouteSpec> = (request: HttpRequest<Spec>) => Promise<HttpReply<Spec>>;

/** Where services put their routes: `implement(routes.getAd, async ({ params }) => …)`. */
export type Implement = <Spec extends RouteSpec>(spec: Spec, handler: HttpHandler<Spec>) => void;

const defaultBodyLimit = 64 * 1024;

export function implementOn(app: Hono, authenticate: Authenticate): Implement {
  return (spec, handler) => {
    const path = honoPath(spec.path);
    app.on(spec.method, path.pattern, async (context) => {
      const identity = await identify(spec, authenticate, context.req.raw.headers);
      const request = {
        params: parse(spec.params, path.params(context.req.param()), 'invalid-parameter'),
        query: parse(spec.query, filledIn(context.req.query()), 'invalid-parameter'),
        headers: parse(spec.headers, Object.fromEntries(context.req.raw.headers), 'invalid-parameter'),
        body: await readBody(spec, context),
        identity,
        raw: context.req.raw,
      } as unknown as HttpRequest<typeof spec>;
      return unlessKnown(context.req.raw, respond(spec, await handler(request)));
    });
  };
}

/** Hono's parameters are whole segments: a suffix, as in `{variant}.webp`, is matched with it and taken off again. */
function honoPath(template: string) {
  const suffixes = new Map<string, string>();
  const pattern = template.replaceAll(/\{(\w+)\}([^/]*)/g, (_, name: string, suffix: string) => {
    suffixes.set(name, suffix);
    return suffix === '' ? `:${name}` : `:${name}{[^/]+${suffix.replaceAll('.', '\\.')}}`;
  });
  const bare = (name: string, value: string): string =>
    value.slice(0, value.length - (suffixes.get(name)?.length ?? 0));
  return {
    pattern,
    params: (found: Record<string, string>): Record<string, string> =>
      Object.fromEntries(Object.entries(found).map(([name, value]) => [name, bare(name, value)])),
  };
}

/** A form sends its empty fields, too: `price_max=` is no limit, and not a limit of 0. */
const filledIn = (query: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));

async function identify(spec: RouteSpec, authenticate: Authenticate, headers: Headers): Promise<Identity | undefined> {
  if (!needsToken(spec)) return undefined;
  const identity = await authenticate(headers.get('authorization'));
  const role = roleFor(spec);
  if (role && !identity.roles.includes(role)) {
    throw new ProblemError('forbidden', { detail: `Only ${role}s may do this` });
  }
  return identity;
}

function parse(schema: z.ZodType | undefined, value: unknown, code: 'invalid-parameter' | 'invalid-field'): unknown {
  if (!schema) return code === 'invalid-field' ? undefined : {};
  const result = schema.safeParse(value);
  if (result.success) {
    // Only now: what the schema has let pass is nested no deeper than the schema.
    const unstorable = unstorableText(result.data);
    if (unstorable.length > 0) throw new ProblemError(code, { errors: unstorable.slice(0, 20) });
    return result.data;
  }
  throw new ProblemError(code, {
    errors: fieldErrors(result.error),
    detail: z.prettifyError(result.error).slice(0, 500),
  });
}

async function readBody(spec: RouteSpec, context: Context): Promise<unknown> {
  if (!spec.body && !spec.rawBody) return undefined;
  const bytes = await readBytes(context.req.raw, spec.bodyLimit ?? defaultBodyLimit);
  if (spec.rawBody) return bytes;
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new ProblemError('unsupported-media-type', { detail: 'Send application/json' });
  }
  return parse(spec.body, parseJson(bytes), 'invalid-field');
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = (): ProblemError => new ProblemError('content-too-large', { detail: `At most ${limit} bytes` });
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function respond<Spec extends RouteSpec>(spec: Spec, reply: HttpReply<Spec>): Response {
  const headers = new Headers(reply?.headers);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  if (reply && 'bytes' in reply) {
    headers.set('content-type', spec.success.contentType ?? 'application/octet-stream');
    return new Response(reply.bytes, { status: spec.success.status, headers });
  }
  if (!reply || reply.body === undefined) return new Response(null, { status: spec.success.status, headers });
  headers.set('content-type', spec.success.contentType ?? 'application/json');
  return new Response(JSON.stringify(reply.body), { status: spec.success.status, headers });
}
