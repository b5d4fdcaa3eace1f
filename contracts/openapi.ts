// OpenAPI 3.1, made from the routes: what is validated is what is documented.
import { z } from 'zod';
import { examples, shellOf } from './examples.ts';
import { GraphqlFields, GraphqlRequest } from './graphql.ts';
import { Problem, type ProblemCode, problems, problemType } from './problem.ts';
import { needsToken, type RouteSpec, roleFor } from './route.ts';
import { routes } from './routes.ts';
import { StreamQuery } from './stream.ts';

type Json = Record<string, unknown>;

/** The whole document; `serverUrl` is where the reader reached us. */
export function openApi(serverUrl: string): Json {
  const paths: Record<string, Json> = {};
  for (const spec of Object.values<RouteSpec>(routes)) {
    paths[spec.path] = { ...paths[spec.path], [spec.method.toLowerCase()]: operation(spec) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lotok',
      version: '1',
      description: 'An open marketplace: ads, orders, payments, delivery, and every status the second it changes.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl }],
    paths: withExamples({ ...paths, ...edgePaths() }, serverUrl),
    components: {
      schemas: components(),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'From POST /v1/auth/login' },
        ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'From POST /v1/stream/tickets' },
      },
    },
  };
}

/** Commands to paste, in the form that documentation tools show. */
function withExamples(paths: Record<string, Json>, serverUrl: string): Record<string, Json> {
  const withExample = (path: string, method: string, spec: Json): Json => {
    const example = examples[String(spec['operationId'])];
    if (!example) return spec;
    const source = shellOf(example, { method: method.toUpperCase(), path, serverUrl });
    return { ...spec, 'x-codeSamples': [{ lang: 'Shell', source }] };
  };
  return Object.fromEntries(
    Object.entries(paths).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, spec]) => [method, withExample(path, method, spec as Json)]),
      ),
    ]),
  );
}

/** Of each event (HTML, section 9.2); `data` is JSON. */
const serverSentEvent = {
  type: 'object',
  properties: { id: { type: 'string' }, event: { type: 'string' }, data: { type: 'string' } },
};

/** Routes that the edge serves itself. */
const edgePaths = (): Record<string, Json> => ({
  '/v1/stream': {
    get: {
      operationId: 'stream',
      tags: ['stream'],
      summary: 'Order statuses, delivery stages and notifications as they happen (SSE)',
      description:
        'Messages are described in /asyncapi.json; `/v1/ws` carries the same as JSON over a WebSocket, with the same parameters. A client that returns with `Last-Event-ID` gets what it missed, or one `reset` event.',
      security: [{ token: [] }, { ticket: [] }],
      parameters: [
        ...parametersOf(StreamQuery.omit({ ticket: true }), 'query', { stored: false }),
        { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } },
      ],
      responses: {
        200: {
          description: 'Events until the token expires',
          content: { 'text/event-stream': { schema: serverSentEvent } },
        },
        ...problemResponses([
          'unauthenticated',
          'invalid-parameter',
          'too-many-requests',
          'headers-too-large',
          'unavailable',
        ]),
      },
    },
  },
  '/v1/stream/tickets': {
    post: {
      operationId: 'createStreamTicket',
      tags: ['stream'],
      summary: 'A permission to open one’s stream where a header cannot be set; it holds for a minute',
      security: [{ token: [] }],
      responses: {
        201: {
          description: 'The ticket',
          content: {
            'application/json': {
              schema: schemaOf(
                z.object({ ticket: z.string(), expires_in: z.int().meta({ description: 'Seconds' }) }),
                'output',
              ),
            },
          },
        },
        ...problemResponses(['unauthenticated', 'too-many-requests', 'headers-too-large']),
      },
    },
  },
  '/graphql': {
    get: {
      operationId: 'readGraphql',
      tags: ['graphql'],
      summary: 'The same for queries, whose answers caches can keep; a subscription comes as events (SSE)',
      security: [{}, { token: [] }],
      parameters: [
        ...parametersOf(GraphqlFields.pick({ query: true, documentId: true, operationName: true }), 'query', {
          stored: false,
        }),
        ...(['variables', 'extensions'] as const).map((name) => ({
          name,
          in: 'query',
          required: false,
          content: { 'application/json': { schema: schemaOf(GraphqlFields.shape[name], 'output') } },
        })),
      ],
      responses: {
        ...graphqlAnswers(),
        304: { description: 'You have it' },
        ...problemResponses(['unauthenticated', 'method-not-allowed', 'too-many-requests', 'headers-too-large']),
      },
    },
    post: {
      operationId: 'graphql',
      tags: ['graphql'],
      summary:
        'One screen in one request: home, adPage, sellerPage, search, checkout, orderPage, me, and what changes them',
      security: [{}, { token: [] }],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf(GraphqlRequest, 'output') } },
      },
      responses: {
        ...graphqlAnswers(),
        ...problemResponses([
          'unauthenticated',
          'content-too-large',
          'unsupported-media-type',
          'too-many-requests',
          'headers-too-large',
        ]),
      },
    },
  },
});

const GraphqlAnswer = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(
      z.looseObject({ message: z.string(), extensions: z.looseObject({ code: z.string().optional() }).optional() }),
    )
    .optional(),
});
const graphqlAnswers = (): Json => {
  const graphqlAnswer = { schema: schemaOf(GraphqlAnswer, 'output') };
  return {
    200: {
      description: 'Data and errors; an error’s `extensions.code` is stable',
      content: {
        'application/json': graphqlAnswer,
        'application/graphql-response+json': graphqlAnswer,
        'text/event-stream': { schema: serverSentEvent },
      },
    },
    400: {
      description: 'Not a request, or not a document: a problem, or errors',
      content: {
        'application/problem+json': { schema: schemaOf(Problem, 'output') },
        'application/json': graphqlAnswer,
        'application/graphql-response+json': graphqlAnswer,
      },
    },
    404: {
      description: 'No document of the app has this hash',
      content: { 'application/json': graphqlAnswer },
    },
  };
};

function operation(spec: RouteSpec): Json {
  const { success, body } = spec;
  const content = success.body
    ? { [success.contentType ?? 'application/json']: { schema: schemaOf(success.body, 'output') } }
    : success.contentType && { [success.contentType]: { schema: { type: 'string', format: 'binary' } } };
  const own: ProblemCode[] = [
    ...(needsToken(spec) ? (['unauthenticated'] as const) : []),
    ...(roleFor(spec) ? (['forbidden'] as const) : []),
    ...(spec.query || spec.params || spec.headers ? (['invalid-parameter'] as const) : []),
    ...(body ? (['invalid-json', 'invalid-field', 'unsupported-media-type'] as const) : []),
    ...(body || spec.rawBody ? (['content-too-large'] as const) : []),
    'too-many-requests',
    'headers-too-large',
    ...(spec.problems ?? []),
  ];
  return {
    operationId: spec.id,
    tags: [spec.service],
    summary: spec.summary,
    security: needsToken(spec) ? [{ token: [] }] : [],
    parameters: [
      ...parametersOf(spec.params, 'path'),
      ...parametersOf(spec.query, 'query'),
      ...parametersOf(spec.headers, 'header'),
    ],
    ...(body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: withoutNul(schemaOf(body, 'input')) } },
          },
        }
      : {}),
    ...(spec.rawBody
      ? { requestBody: { required: true, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } } }
      : {}),
    responses: { [success.status]: { description: 'Done', ...(content ? { content } : {}) }, ...problemResponses(own) },
  };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  place: 'path' | 'query' | 'header',
  { stored = true } = {},
): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = (
    stored ? withoutNul(schemaOf(schema, 'input')) : schemaOf(schema, 'input')
  ) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    // A form sends its empty fields, too: they count as not given.
    ...(place === 'query' && !required.includes(name) ? { allowEmptyValue: true } : {}),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

/** One response per status; its description names the problem types that come with it. */
function problemResponses(codes: readonly ProblemCode[]): Record<number, Json> {
  const byStatus = new Map<number, Set<ProblemCode>>();
  for (const code of codes) byStatus.set(problems[code][0], (byStatus.get(problems[code][0]) ?? new Set()).add(code));
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: [...all].map((code) => `\`${problemType(code)}\`: ${problems[code][1]}`).join('; '),
        content: { 'application/problem+json': { schema: schemaOf(Problem, 'output') } },
      },
    ]),
  );
}

/** Schemas with an id are referred to; the rest is written where it is used. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const whole = z.toJSONSchema(z.object({ schema }), options(io)) as { properties?: { schema?: Json } };
  return relocate(whole.properties?.schema ?? {}) as Json;
}

const options = (io: 'input' | 'output') =>
  ({ io, unrepresentable: 'any', reused: 'inline', target: 'draft-2020-12' }) as const;

/** No text that is sent may have NUL in it, which the database can't hold; where a pattern is, it says so by itself. */
function withoutNul(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutNul);
  if (typeof node !== 'object' || node === null) return node;
  const inside = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withoutNul(value)]));
  const free = ['pattern', 'format', 'enum', 'const'].every((key) => !(key in inside));
  return inside['type'] === 'string' && free ? { ...inside, pattern: '^[^\\u0000]*$' } : inside;
}

/** zod gathers schemas with ids under `$defs`; here they live under `components`. */
function relocate(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(relocate);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) =>
      key === '$ref' && typeof value === 'string'
        ? [key, value.replace(/^(#\/\$defs\/|#$)/, '#/components/schemas/')]
        : [key, relocate(value)],
    ),
  );
}

function components(): Json {
  const known: Json = {};
  const gather = (schema: z.ZodType, io: 'input' | 'output'): void => {
    const { $defs = {} } = z.toJSONSchema(z.object({ schema }), options(io)) as { $defs?: Record<string, Json> };
    for (const [id, { id: _id, ...json }] of Object.entries($defs))
      known[id] ??= io === 'input' ? withoutNul(relocate(json)) : relocate(json);
  };
  for (const spec of Object.values<RouteSpec>(routes)) {
    if (spec.success.body) gather(spec.success.body, 'output');
    if (spec.body) gather(spec.body, 'input');
  }
  gather(GraphqlRequest, 'output');
  gather(Problem, 'output');
  return Object.fromEntries(Object.entries(known).sort(([a], [b]) => a.localeCompare(b)));
}
