// Bodies: their size and their type, checked before core sees a byte more than it may.
import { ProblemError } from '../../contracts/problem.ts';
import type { RouteSpec } from '../../contracts/route.ts';

const defaultLimit = 64 * 1024;

export const bodyLimit = (spec: RouteSpec): number => spec.bodyLimit ?? defaultLimit;

/** 415 for what the route can't read. Webhooks and uploads say their own type. */
export function checkContentType(spec: RouteSpec, headers: Headers): void {
  if (!spec.body || spec.rawBody) return;
  checkContentEncoding(headers);
  if (/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(headers.get('content-type') ?? '')) return;
  throw new ProblemError('unsupported-media-type', { detail: 'Send application/json' });
}

/** 415 for a compressed body, with what is taken instead (RFC 9110, section 15.5.16). */
export function checkContentEncoding(headers: Headers): void {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return;
  throw new ProblemError('unsupported-media-type', {
    detail: 'Send the body without Content-Encoding',
    headers: { 'accept-encoding': 'identity' },
  });
}

/** A slow line may take its time, but whoever sends a byte now and then only holds a place. */
const patienceMs = 10_000;
const leastBytesPerSecond = 16 * 1024;

/**
 * The whole body, 413 as soon as it is known to be larger, or 408 when it does not come in time. Null when there is
 * none.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const tooLarge = (): ProblemError => new ProblemError('content-too-large', { detail: `At most ${limit} bytes` });
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge();
  if (request.method === 'GET' || request.method === 'HEAD' || !request.body) return null;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ProblemError('request-timeout')),
    patienceMs + (limit / leastBytesPerSecond) * 1000,
  );
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) break;
      size += value.byteLength;
      if (size > limit) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    // Not awaited: a client that goes on sending must not hold the answer back.
    reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
