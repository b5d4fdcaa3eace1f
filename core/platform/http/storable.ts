// Text that PostgreSQL can hold: all of Unicode but NUL and halves of surrogate pairs.
import type { FieldError } from '../../../contracts/problem.ts';

/**
 * What no column takes in `value`, by field. JSON may carry both (`"\u0000"`, `"\ud800"`: RFC 8259, sections 7
 * and 8.2); `text` refuses NUL, `jsonb` refuses either, and by then the caller would be told that we failed.
 */
export function unstorableText(value: unknown, path: readonly string[] = []): FieldError[] {
  if (typeof value === 'string') {
    return isStorable(value)
      ? []
      : [{ field: path.join('.') || '(body)', message: 'must be Unicode text without NUL' }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    isStorable(key) ? unstorableText(each, [...path, key]) : [{ field: '(body)', message: 'has a key with NUL' }],
  );
}

const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
