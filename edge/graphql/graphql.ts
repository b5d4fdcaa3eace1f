// /graphql: one screen in one request; shared where the answer is everybody's, live for who follows an order.
import { type ExecutionResult, GraphQLError, type ValidationRule } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { type Context, Hono } from 'hono';
import { screens } from '../../contracts/generated/screens.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Tokens } from '../auth/tokens.ts';
import type { Cache } from '../cache/engine.ts';
import type { EdgeEnv } from '../context.ts';
import type { Limits } from '../limits/limited.ts';
import type { Log } from '../log.ts';
import { onlyMethods } from '../methods.ts';
import type { SiteDeps } from '../site/deps.ts';
import { createDocuments, type FoundDocument } from './documents.ts';
import { costLimits } from './limits.ts';
import { createLoads } from './loads.ts';
import { type GraphqlParams, readParams } from './params.ts';
import { type GraphqlContext, schema } from './schema.ts';
import { Ingredients } from './sharing.ts';
import { sseResponse } from './sse.ts';
import { maxFirst } from './types.ts';
import { orderUpdates } from './updates.ts';

export interface GraphqlDeps {
  readonly production: boolean;
  /** Answers the app's own documents only, by their hashes (contracts/screens). */
  readonly trustedOnly: boolean;
  readonly limits: Limits;
  readonly tokens: Tokens;
  readonly cache: Cache;
  readonly api: SiteDeps['api'];
  readonly log: Log;
}

/** What resolvers have, and what is known once they are done. */
interface Serving extends GraphqlContext {
  readonly ingredients: Ingredients;
  /** Where a client that has the last update goes on. */
  position?: string;
}

interface Asked extends FoundDocument {
  readonly params: GraphqlParams;
}

export function createGraphql({
  production,
  trustedOnly,
  limits,
  tokens,
  cache,
  api,
  log,
}: GraphqlDeps): Hono<EdgeEnv> {
  const documents = createDocuments({ schema, trusted: screens, trustedOnly });
  const plugin: Plugin = {
    onParse({ setParseFn }) {
      setParseFn((source: string | { body: string }) =>
        documents.parse(typeof source === 'string' ? source : source.body),
      );
    },
    onValidate({ addValidationRule }) {
      addValidationRule(costLimits(maxFirst) as ValidationRule);
    },
    onResultProcess({ result, serverContext, setResultProcessor, acceptableMediaTypes }) {
      const serving = serverContext as unknown as Serving;
      if (!(Symbol.asyncIterator in result)) {
        if ('errors' in result) serving.ingredients.spoil();
        return;
      }
      acceptableMediaTypes.push('text/event-stream');
      const results = result as AsyncIterable<ExecutionResult>;
      setResultProcessor(() => sseResponse(results, () => serving.position), 'text/event-stream');
    },
  };
  const yoga = createYoga<GraphqlContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: production || trustedOnly ? false : { title: 'Lotok', defaultQuery },
    // CORS is the gateway's.
    cors: false,
    batching: false,
    maskedErrors: { isDev: false },
    logging: {
      debug: () => undefined,
      info: () => undefined,
      warn: (...details) => log.warn('graphql.warning', { details }),
      error: (error) => log.error('graphql.failed', { error }),
    },
    plugins: [plugin],
  });

  const app = new Hono<EdgeEnv>();
  app.on(['GET', 'POST'], '/graphql', limits.byAddress({ signIn: false }), async (c, next) => {
    c.set('route', '/graphql');
    if (c.req.raw.headers.has('authorization')) c.set('claims', await tokens.authenticate(c.req.raw.headers));
    await next();
  });
  app.on(['GET', 'POST'], '/graphql', limits.byUser, async (c) => {
    const { raw } = c.req;
    if (asksForPage(raw) && !production && !trustedOnly) return yoga.fetch(raw, servingOf(c));
    const params = await readParams(raw);
    let found: FoundDocument;
    try {
      found = documents.find(params);
    } catch (error) {
      if (error instanceof GraphQLError) return refusal(error);
      throw error;
    }
    const asked = { params, ...found };
    if (raw.method !== 'POST' && documents.operationOf(found.text, params.operationName) === 'mutation')
      throw new ProblemError('method-not-allowed', { detail: 'A mutation comes by POST', headers: { allow: 'POST' } });
    const sharedSeconds = documents.sharedFor(found.text);
    if (sharedSeconds === null || !takesJson(raw))
      return personal(await execute(c, asked, servingOf(c), raw.headers.get('accept') ?? '*/*'));
    return shared(c, asked, sharedSeconds);
  });
  app.all('/graphql', onlyMethods('GET, HEAD, POST'));

  function servingOf({ req: { raw }, env: { context } }: Context<EdgeEnv>): Serving {
    const token = /^Bearer +(\S+)/i.exec(raw.headers.get('authorization') ?? '')?.[1];
    const ingredients = new Ingredients();
    const loads = createLoads({ api, context, token, signal: raw.signal, ingredients });
    const serving: Serving = {
      ingredients,
      loads,
      updates: async (wanted) => {
        // A browser's EventSource repeats the address as it was; its header is newer.
        const after = raw.headers.get('last-event-id') || wanted.after;
        const updates = await orderUpdates({ api, context, token, signal: raw.signal }, { ...wanted, after });
        return {
          [Symbol.asyncIterator]: () => ({
            async next() {
              const step = await updates.next();
              if (!step.done) {
                loads.startAnew();
                serving.position = step.value.position;
              }
              return step;
            },
            return: () => updates.return(),
          }),
        };
      },
    };
    return serving;
  }

  /** Yoga reads what was read here already, so that it need not be read in two ways. */
  async function execute(
    c: Context<EdgeEnv>,
    { params, text }: Asked,
    serving: Serving,
    accept: string,
  ): Promise<Response> {
    const { raw } = c.req;
    const { operationName, variables } = params;
    return yoga.fetch(
      new Request(raw.url, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json' },
        body: JSON.stringify({ query: text, variables, ...(operationName === undefined ? {} : { operationName }) }),
        signal: raw.signal,
      }),
      serving,
    );
  }

  /**
   * Public answers are kept by the edge's cache like core's own, under the groups of all that they show. GET and POST
   * share them: a POST's answer is found under the address that a GET would have.
   */
  async function shared(c: Context<EdgeEnv>, asked: Asked, hintedSeconds: number): Promise<Response> {
    const { raw } = c.req;
    const isPost = raw.method === 'POST';
    const headers = new Headers(isPost ? {} : raw.headers);
    headers.delete('authorization');
    headers.delete('cookie');
    const url = isPost ? addressOf(raw.url, asked) : raw.url;
    const response = await cache.handle(
      { method: isPost ? 'GET' : raw.method, url, headers, label: '/graphql' },
      async () => {
        const serving = servingOf(c);
        const made = await execute(c, asked, serving, 'application/json');
        const body = await made.text();
        const keep = made.ok ? serving.ingredients.cacheHeaders(hintedSeconds) : null;
        return new Response(body, {
          status: made.status,
          headers: {
            'content-type': made.headers.get('content-type') ?? 'application/json',
            ...(keep ? { ...keep, etag: await tagOf(body) } : { 'cache-control': 'no-store' }),
          },
        });
      },
    );
    return isPost ? personal(response) : response;
  }

  return app;
}

const defaultQuery = '{ home { categories { id name { en } } newest { items { title price { amount currency } } } } }';

/** The browser's own question for a page names no document. */
const asksForPage = ({ method, url, headers }: Request): boolean =>
  method === 'GET' && headers.get('accept')?.includes('text/html') === true && !new URL(url).search;

/** What is shared is plain JSON, as it is for everybody. */
const takesJson = ({ headers }: Request): boolean => {
  const accept = headers.get('accept');
  return accept === null || /\*\/\*|application\/(\*|json)/.test(accept);
};

function personal(response: Response): Response {
  const headers = new Headers(response.headers);
  if (!headers.get('content-type')?.startsWith('text/event-stream')) headers.set('cache-control', 'no-store');
  for (const name of ['etag', 'cache-groups', 'age']) headers.delete(name);
  return new Response(response.body, { status: response.status, headers });
}

/** An unknown hash beside a text must not stand for it: anybody could give it another text. */
function addressOf(url: string, { params, text, trusted }: Asked): string {
  const { documentId, operationName, variables } = params;
  const address = new URL('/graphql', url);
  const { searchParams } = address;
  if (trusted && documentId !== undefined) searchParams.set('documentId', documentId);
  else searchParams.set('query', text);
  if (operationName !== undefined) searchParams.set('operationName', operationName);
  if (Object.keys(variables).length > 0) searchParams.set('variables', JSON.stringify(variables));
  return address.href;
}

async function tagOf(body: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body));
  return `"${btoa(String.fromCharCode(...new Uint8Array(digest))).slice(0, 22)}"`;
}

function refusal(error: GraphQLError): Response {
  return Response.json(
    { errors: [{ message: error.message, extensions: { code: error.extensions['code'] } }] },
    { status: Number(error.extensions['status'] ?? 400), headers: { 'cache-control': 'no-store' } },
  );
}
