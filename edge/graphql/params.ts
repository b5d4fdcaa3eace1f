// What a GraphQL request asks for, by GET or POST (GraphQL over HTTP, sections "Request" and "GET").
import { GraphqlRequest, graphqlParameters } from '../../contracts/graphql.ts';
import { fieldErrors, ProblemError } from '../../contracts/problem.ts';
import { checkContentEncoding, readBody } from '../limits/body.ts';

export interface GraphqlParams {
  readonly query: string | undefined;
  /** SHA-256 of a document, in hexadecimal. */
  readonly documentId: string | undefined;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

const maxBodyBytes = 64 * 1024;

/** Throws a problem that names what is wrong. */
export async function readParams(request: Request): Promise<GraphqlParams> {
  return request.method === 'POST' ? paramsOf(await readJson(request)) : paramsOf(fromQuery(new URL(request.url)));
}

async function readJson(request: Request): Promise<unknown> {
  // Forms of other sites can't send this type, so it keeps them out, too.
  if (!/^application\/(graphql\+)?json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    throw new ProblemError('unsupported-media-type', { detail: 'Send application/json' });
  checkContentEncoding(request.headers);
  const body = await readBody(request, maxBodyBytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body ?? new Uint8Array()));
  } catch {
    throw new ProblemError('invalid-json');
  }
}

function fromQuery({ searchParams }: URL): unknown {
  const given = graphqlParameters.flatMap((name) => {
    const value = searchParams.get(name);
    return value === null || value === '' ? [] : [[name, value] as const];
  });
  const params: Record<string, unknown> = Object.fromEntries(given);
  for (const name of ['variables', 'extensions'] as const) {
    const text = params[name];
    if (typeof text !== 'string') continue;
    try {
      params[name] = JSON.parse(text);
    } catch {
      throw new ProblemError('invalid-parameter', { errors: [{ field: name, message: 'must be JSON' }] });
    }
  }
  return params;
}

function paramsOf(given: unknown): GraphqlParams {
  const parsed = GraphqlRequest.safeParse(given);
  if (!parsed.success) throw new ProblemError('invalid-parameter', { errors: fieldErrors(parsed.error) });
  const { query, documentId, operationName, variables, extensions } = parsed.data;
  return {
    query,
    documentId: (documentId ?? extensions?.persistedQuery?.sha256Hash)?.replace(/^sha256:/, ''),
    operationName: operationName ?? undefined,
    variables: variables ?? {},
  };
}
