// A REST operation as data: core implements it, edge guards and caches it, OpenAPI documents it.
import type { z } from 'zod';
import type { ProblemCode } from './problem.ts';

export const services = [
  'ads',
  'users',
  'search',
  'media',
  'reports',
  'orders',
  'payments',
  'delivery',
  'notifications',
  'chat',
] as const;
export type ServiceName = (typeof services)[number];

export interface RouteSpec {
  readonly id: string;
  readonly service: ServiceName;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path template with `{name}` parameters. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** `public` routes ignore tokens and may be cached; `signed` ones carry a provider's signature instead of a token. */
  readonly auth: 'public' | 'user' | 'moderator' | 'operator' | 'signed';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Bytes; 64 KiB when not given. */
  readonly bodyLimit?: number;
  /** The body is handed on as bytes (webhooks are signed over bytes; uploads are files). */
  readonly rawBody?: true;
  readonly success: {
    readonly status: 200 | 201 | 202 | 204;
    readonly body?: z.ZodType;
    readonly contentType?: string;
  };
  readonly problems?: readonly ProblemCode[];
}

/** Whether a route needs a token, and of whom beside. */
export const needsToken = ({ auth }: RouteSpec): boolean => auth !== 'public' && auth !== 'signed';
export const roleFor = ({ auth }: RouteSpec): 'moderator' | 'operator' | null =>
  auth === 'moderator' || auth === 'operator' ? auth : null;

/** Keeps the literal types of a route, so that handlers and clients are typed by it. */
export const route = <const Spec extends RouteSpec>(spec: Spec): Spec => spec;

type OutputOf<Schema, Missing> = Schema extends z.ZodType ? z.output<Schema> : Missing;
export type ParamsOf<Spec extends RouteSpec> = OutputOf<Spec['params'], Record<never, never>>;
export type QueryOf<Spec extends RouteSpec> = OutputOf<Spec['query'], Record<never, never>>;
export type HeadersOf<Spec extends RouteSpec> = OutputOf<Spec['headers'], Record<never, never>>;
export type BodyOf<Spec extends RouteSpec> = Spec extends { rawBody: true }
  ? Uint8Array
  : OutputOf<Spec['body'], undefined>;
export type ResultOf<Spec extends RouteSpec> = Spec['success'] extends { body: infer Body extends z.ZodType }
  ? z.input<Body>
  : undefined;
