// A form between two renderings: what was typed, and what was wrong with it.
import { CallFailed } from './client.ts';
import type { Strings } from './i18n.ts';

export interface Form {
  readonly values: URLSearchParams;
  /** Messages by field name. */
  readonly errors: ReadonlyMap<string, string>;
  /** What concerns the form as a whole. */
  readonly problem: string | null;
}

export const blankForm = (values: Readonly<Record<string, string>> | URLSearchParams = {}): Form => ({
  values: new URLSearchParams(values),
  errors: new Map(),
  problem: null,
});

export const readForm = async (request: Request): Promise<URLSearchParams> => {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim();
  return type === 'application/x-www-form-urlencoded'
    ? new URLSearchParams(await request.text())
    : new URLSearchParams();
};

/** The form again with what core found wrong. What signing in would mend is thrown on. */
export function failedForm(t: Strings, error: unknown, values: URLSearchParams): Form {
  if (!(error instanceof CallFailed) || (error.status === 401 && error.code !== 'invalid-credentials')) throw error;
  const errors = new Map(
    (error.problem.errors ?? []).map(({ field }) => [formField(field), messageFor(t, formField(field))] as const),
  );
  if (error.code === 'email-taken') errors.set('email', t.problems['email-taken']);
  return { values, errors, problem: errors.size > 0 ? t.errors.checkFields : problemText(t, error) };
}

/** The status of a page that shows a failed form. */
export const failedStatus = (error: unknown): 400 | 401 | 403 | 404 | 409 | 412 | 422 | 429 | 503 => {
  const status = error instanceof CallFailed ? error.status : 503;
  for (const known of [400, 401, 403, 404, 409, 412, 422, 429] as const) if (known === status) return known;
  return status < 500 ? 400 : 503;
};

export function problemText(t: Strings, error: CallFailed): string {
  const texts: Readonly<Record<string, string>> = t.problems;
  const known = error.code === undefined ? undefined : texts[error.code];
  return known ?? (error.status >= 500 ? t.problems.unavailable : t.errors.generic);
}

/** A body's field path as the form calls it: `price.amount` is typed into `price`. */
const formField = (path: string): string => {
  const parts = path.split('.');
  if (parts[0] === 'delivery' && parts.length > 1) return parts[1] ?? path;
  if (parts[0] === 'attributes' && parts.length > 1) return `attributes.${parts[1]}`;
  return parts[0] ?? path;
};

const messageFor = (t: Strings, field: string): string => {
  const texts: Readonly<Record<string, string>> = t.fields;
  return texts[field] ?? (field.startsWith('attributes.') ? t.fields.attribute : t.fields.other);
};
