// Calls of core's operations by their ids in the contract, with answers checked against it.
import type { z } from 'zod';
import { Problem, type ProblemCode, problems, problemType } from '../../contracts/problem.ts';
import type { RouteSpec } from '../../contracts/route.ts';
import { routes } from '../../contracts/routes.ts';
import type { RequestContext } from '../context.ts';
import type { SiteDeps } from './deps.ts';

export type OperationId = keyof typeof routes;
type BodyOf<Id extends OperationId> = (typeof routes)[Id]['success'] extends { body: infer Body extends z.ZodType }
  ? z.output<Body>
  : undefined;

export interface CallOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

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
  call<Id extends OperationId>(id: Id, options?: CallOptions): Promise<Answer<BodyOf<Id>>>;
  /** The answer of an operation that is a file. */
  file(id: OperationId, options?: CallOptions): Promise<Response>;
  /** Only the body of `call`. */
  get<Id extends OperationId>(id: Id, options?: CallOptions): Promise<BodyOf<Id>>;
}

export interface ClientOptions {
  readonly api: SiteDeps['api'];
  readonly context: RequestContext;
  readonly token: string | undefined;
}

export function createClient({ api, context, token }: ClientOptions): Client {
  async function ask(id: OperationId, options: CallOptions): Promise<Response> {
    const route: RouteSpec = routes[id];
    const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(options.params?.[name] ?? ''),
    );
    let response: Response;
    try {
      response = await api(route.method, path, {
        context,
        // Public answers are the same for everybody; without a token they are shared by the cache.
        token: route.auth === 'public' ? undefined : token,
        query: options.query,
        body: options.body,
        headers: options.headers ?? {},
      });
    } catch (cause) {
      throw new CallFailed(problem('unavailable'), cause);
    }
    if (response.status !== route.success.status) throw new CallFailed(await readProblem(response));
    return response;
  }

  async function call<Id extends OperationId>(id: Id, options: CallOptions = {}): Promise<Answer<BodyOf<Id>>> {
    const route: RouteSpec = routes[id];
    const response = await ask(id, options);
    if (!route.success.body) {
      await response.body?.cancel();
      return { body: undefined as BodyOf<Id>, headers: response.headers };
    }
    const parsed = route.success.body.safeParse(await response.json().catch(() => undefined));
    if (!parsed.success) throw new CallFailed(problem('bad-gateway'), parsed.error);
    return { body: parsed.data as BodyOf<Id>, headers: response.headers };
  }

  return {
    call,
    file: (id, options = {}) => ask(id, options),
    get: async (id, options) => (await call(id, options)).body,
  };
}

async function readProblem(response: Response): Promise<Problem> {
  const parsed = Problem.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  return response.status >= 400 ? { type: 'about:blank', title: '', status: response.status } : problem('bad-gateway');
}
