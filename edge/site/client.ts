// Calls of core's operations by the generated REST client, with answers checked against the contract.
import type { z } from 'zod';
import * as rest from '../../contracts/generated/client.ts';
import { Problem, type ProblemCode, problems, problemType } from '../../contracts/problem.ts';
import type { RouteSpec } from '../../contracts/route.ts';
import { routes } from '../../contracts/routes.ts';
import type { RequestContext } from '../context.ts';
import type { SiteDeps } from './deps.ts';

export type OperationId = keyof typeof routes;
type BodyOf<Id extends OperationId> = (typeof routes)[Id]['success'] extends { body: infer Body extends z.ZodType }
  ? z.output<Body>
  : undefined;

type Call<Id extends OperationId> = (typeof rest)[Id];
/** What the generated function takes before its options; nothing where there is nothing to name. */
type Arguments<Id extends OperationId> = 2 extends Parameters<Call<Id>>['length'] ? [given: Given<Id>] : [];
/** What an operation is given, by name. */
export type Given<Id extends OperationId> = AsSent<Parameters<Call<Id>>[0]>;
/** Names and shapes are checked here; whether a form's text is one of several words is core's to say. */
type AsSent<Thing> = Thing extends string
  ? string
  : Thing extends readonly (infer Item)[]
    ? readonly AsSent<Item>[]
    : Thing extends object
      ? { readonly [Name in keyof Thing]: OrLeftOut<Thing, Name, AsSent<Thing[Name]>> }
      : Thing;
type OrLeftOut<Thing, Name extends keyof Thing, Value> =
  Record<never, never> extends Pick<Thing, Name> ? Value | undefined : Value;

export interface Answer<Body> {
  readonly body: Body;
  readonly headers: Headers;
}

/** Core answered with a problem; pages turn it into a form's errors or into an error page. */
export class CallFailed extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, cause?: unknown) {
    super(`${problem.status} ${problem.type}`, { cause });
    this.name = 'CallFailed';
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): ProblemCode | undefined {
    return codes.find((code) => problemType(code) === this.problem.type);
  }
}
const codes = Object.keys(problems) as ProblemCode[];

const problem = (code: ProblemCode): Problem => ({
  type: problemType(code),
  title: problems[code][1],
  status: problems[code][0],
});

/** For a page that has no such thing to show. */
export const notFound = (): CallFailed => new CallFailed(problem('not-found'));

export interface Client {
  /** Throws `CallFailed` for everything but success. */
  call<Id extends OperationId>(id: Id, ...given: Arguments<Id>): Promise<Answer<BodyOf<Id>>>;
  /** The answer of an operation that is a file. */
  file<Id extends OperationId>(id: Id, ...given: Arguments<Id>): Promise<Response>;
  /** Only the body of `call`. */
  get<Id extends OperationId>(id: Id, ...given: Arguments<Id>): Promise<BodyOf<Id>>;
}

export interface ClientOptions {
  readonly api: SiteDeps['api'];
  readonly context: RequestContext;
  readonly token: string | undefined;
}

interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly data?: unknown;
}
type RestCall = (...given: unknown[]) => Promise<RestAnswer>;
const calls: Readonly<Record<string, unknown>> = rest;

export function createClient({ api, context, token }: ClientOptions): Client {
  async function ask<Id extends OperationId>(id: Id, given: Arguments<Id>): Promise<RestAnswer> {
    const route: RouteSpec = routes[id];
    // Public answers are the same for everybody; without a token they are shared by the cache.
    const inProcess = throughEdge(route.auth === 'public' ? undefined : token);
    let answer: RestAnswer;
    try {
      answer = await (calls[id] as RestCall)(...given, { baseUrl: '', fetch: inProcess });
    } catch (cause) {
      throw new CallFailed(problem(cause instanceof SyntaxError ? 'bad-gateway' : 'unavailable'), cause);
    }
    if (answer.status !== route.success.status) throw new CallFailed(await problemOf(answer));
    return answer;
  }

  async function call<Id extends OperationId>(id: Id, ...given: Arguments<Id>): Promise<Answer<BodyOf<Id>>> {
    const route: RouteSpec = routes[id];
    const { headers, data } = await ask(id, given);
    if (!route.success.body) return { body: undefined as BodyOf<Id>, headers };
    const parsed = route.success.body.safeParse(data);
    if (!parsed.success) throw new CallFailed(problem('bad-gateway'), parsed.error);
    return { body: parsed.data as BodyOf<Id>, headers };
  }

  async function file<Id extends OperationId>(id: Id, ...given: Arguments<Id>): Promise<Response> {
    const { headers, data } = await ask(id, given);
    return new Response(data as Blob, { headers });
  }

  const throughEdge =
    (bearer: string | undefined) =>
    (address: RequestInfo | URL, { method = 'GET', headers, body }: RequestInit = {}): Promise<Response> => {
      const [path = '', query] = String(address).split('?');
      const { 'content-type': _type, accept: _accept, ...own } = Object.fromEntries(new Headers(headers));
      return api(method, path, {
        context,
        token: bearer,
        query: Object.fromEntries(new URLSearchParams(query)),
        body: typeof body === 'string' ? JSON.parse(body) : undefined,
        headers: own,
      });
    };

  return { call, file, get: async (id, ...given) => (await call(id, ...given)).body };
}

async function problemOf({ status, data }: RestAnswer): Promise<Problem> {
  const told: unknown = data instanceof Blob ? JSON.parse((await data.text()) || 'null') : data;
  const parsed = Problem.safeParse(told);
  if (parsed.success) return parsed.data;
  return status >= 400 ? { type: 'about:blank', title: '', status } : problem('bad-gateway');
}
