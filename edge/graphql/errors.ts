// What goes wrong in GraphQL: the same problems as in REST, as errors whose extensions are the problem's members.
import type { GraphQLError } from 'graphql';
import { createGraphQLError } from 'graphql-yoga';
import { type FieldError, Problem, type ProblemCode, problems, problemType } from '../../contracts/problem.ts';

/** `urn:lotok:problem:not-found` → `NOT_FOUND`. */
const codeOfType = (type: string): string => type.split(':').at(-1)?.replaceAll('-', '_').toUpperCase() ?? '';

export function problemError(
  code: ProblemCode,
  { detail, errors }: { detail?: string; errors?: readonly FieldError[] } = {},
): GraphQLError {
  const [status, title] = problems[code];
  return toError({ type: problemType(code), title, status, detail, errors: errors && [...errors] });
}

/** An argument that can't be, by its name. */
export const invalidArgument = (field: string, message: string): GraphQLError =>
  problemError('invalid-parameter', { detail: `${field}: ${message}`, errors: [{ field, message }] });

/** What core's answer says; fields are named as GraphQL names them. */
export async function errorOf(response: Response): Promise<GraphQLError> {
  const problem = Problem.safeParse(await response.json().catch(() => null)).data;
  if (!problem) return problemError('bad-gateway');
  const retryAfter = response.headers.get('retry-after');
  return toError(
    { ...problem, errors: problem.errors?.map(({ field, message }) => ({ field: argumentName(field), message })) },
    retryAfter === null ? {} : { retry_after: Number(retryAfter) },
  );
}

type Told = Pick<Problem, 'type' | 'title' | 'status'> & {
  readonly detail?: string | undefined;
  readonly errors?: FieldError[] | undefined;
  readonly trace_id?: string | undefined;
};

function toError({ type, title, status, detail, errors, trace_id }: Told, more = {}): GraphQLError {
  return createGraphQLError(detail ?? title, {
    extensions: {
      code: codeOfType(type),
      type,
      title,
      status,
      ...(errors === undefined ? {} : { errors }),
      ...(trace_id === undefined ? {} : { trace_id }),
      ...more,
    },
  });
}

const renamed: Readonly<Record<string, string>> = { limit: 'first', cursor: 'after' };
const argumentName = (field: string): string =>
  renamed[field] ?? field.replaceAll(/[_-](\w)/g, (_whole, letter: string) => letter.toUpperCase());

export const codeOf = (error: unknown): unknown => (error as { extensions?: { code?: unknown } }).extensions?.code;
