// POST /graphql: aggregates for one screen, limited in cost, without introspection pages in production.
import { parse, type ValidationRule } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { Hono } from 'hono';
import { ProblemError } from '../../contracts/problem.ts';
import type { Tokens } from '../auth/tokens.ts';
import type { EdgeEnv } from '../context.ts';
import { checkContentEncoding, readBody } from '../limits/body.ts';
import type { Limits } from '../limits/limited.ts';
import type { Log } from '../log.ts';
import { onlyMethods } from '../methods.ts';
import type { SiteDeps } from '../site/deps.ts';
import { costLimits, maxTokens } from './limits.ts';
import { createLoads } from './loads.ts';
import { type GraphqlContext, schema } from './schema.ts';

export interface GraphqlDeps {
  readonly production: boolean;
  readonly limits: Limits;
  readonly tokens: Tokens;
  readonly api: SiteDeps['api'];
  readonly log: Log;
}

const maxBodyBytes = 32 * 1024;

export function createGraphql({ production, limits, tokens, api, log }: GraphqlDeps): Hono<EdgeEnv> {
  const yoga = createYoga<GraphqlContext>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: production
      ? false
      : {
          title: 'Lotok',
          defaultQuery: '{ home { categories { id name { en } } newest { title price { amount currency } } } }',
        },
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
    plugins: [limited],
  });

  const app = new Hono<EdgeEnv>();
  app.on(['GET', 'POST'], '/graphql', limits.byAddress({ signIn: false }), async (c, next) => {
    c.set('route', '/graphql');
    const { raw } = c.req;
    // GraphiQL comes as a page; queries come by POST, so that none ends up in a log or a link.
    if (raw.method === 'GET' && (production || !raw.headers.get('accept')?.includes('text/html'))) {
      throw new ProblemError('method-not-allowed', { headers: { allow: 'POST' } });
    }
    if (raw.headers.has('authorization')) c.set('claims', await tokens.authenticate(raw.headers));
    await next();
  });
  app.on(['GET', 'POST'], '/graphql', limits.byUser, async (c) => {
    const { raw } = c.req;
    if (
      raw.method === 'POST' &&
      !/^application\/(graphql\+)?json\s*(;|$)/i.test(raw.headers.get('content-type') ?? '')
    ) {
      // Forms of other sites can't send this type, so it keeps them out, too.
      throw new ProblemError('unsupported-media-type', { detail: 'Send application/json' });
    }
    checkContentEncoding(raw.headers);
    const body = await readBody(raw, maxBodyBytes);
    const token = /^Bearer +(\S+)/i.exec(raw.headers.get('authorization') ?? '')?.[1];
    const request = new Request(raw.url, { method: raw.method, headers: raw.headers, ...(body ? { body } : {}) });
    const loads = createLoads(api, c.env.context, token, raw.signal);
    const response = await yoga.fetch(request, { loads });
    const headers = new Headers(response.headers);
    headers.set('cache-control', 'no-store');
    return new Response(response.body, { status: response.status, headers });
  });
  app.all('/graphql', onlyMethods('POST'));
  return app;
}

const limited: Plugin = {
  onParse({ setParseFn }) {
    setParseFn((source, options) => parse(source, { ...options, maxTokens }));
  },
  onValidate({ addValidationRule }) {
    addValidationRule(costLimits as ValidationRule);
  },
};
