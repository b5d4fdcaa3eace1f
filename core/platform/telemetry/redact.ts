// Redaction: what a log line or a span may not carry, taken out wherever it sits.

const secretKey =
  /^(authorization|proxy[-_]?authorization|cookie|set[-_]cookie|.*passw(or)?d.*|.*secret.*|(.*[-_])?(token|jwt)|ticket|.*api[-_]?key|.*private[-_]?key|signature|.*e[-_]?mail|.*phone|card([-_]?number)?|cvc)$/i;
const deepest = 5;
const mostItems = 50;
const longestText = 4_000;

/** A copy that is safe to write down: secrets and personal data by key, and what looks like them inside texts. */
export const redacted = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => redactObject(fields, 0);

/** Addresses, tokens and credentials also hide inside messages of foreign errors. */
export function redactText(text: string): string {
  let safe = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  if (safe.includes('eyJ')) safe = safe.replace(/eyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, '[token]');
  if (/[rs]k_(test|live)_|whsec_/.test(safe)) safe = safe.replace(/\b([rs]k_(test|live)|whsec)_[\w*]+/g, '[key]');
  if (/bearer/i.test(safe)) safe = safe.replace(/(bearer\s+)[\w.~+/=-]+/gi, '$1[token]');
  if (safe.includes('@')) {
    safe = safe.replace(/:\/\/[^/\s@]{1,300}@/g, '://[redacted]@');
    safe = safe.replace(/[\w.%+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+/g, '[email]');
  }
  return safe;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth >= deepest) return '[deeper]';
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => redactValue(item, depth + 1));
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  return redactObject(value, depth);
}

function redactObject(value: object, depth: number): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) safe[key] = secretKey.test(key) ? '[redacted]' : redactValue(item, depth + 1);
  }
  return safe;
}

/** Name, message, stack and cause; other properties may be whole requests, so only a code is taken. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: redactText(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redactValue(error.cause, depth + 1) }),
    ...(error instanceof AggregateError
      ? { errors: error.errors.slice(0, mostItems).map((each) => redactValue(each, depth + 1)) }
      : {}),
  };
}
