// The size of a request's header: 431 before anybody parses what is in it.
import type { MiddlewareHandler } from 'hono';
import { ProblemError } from '../../contracts/problem.ts';
import type { EdgeEnv } from '../context.ts';

export const maxHeaderBytes = 16 * 1024;
const maxUrlLength = 8 * 1024;

export const limitedHeaderSize: MiddlewareHandler<EdgeEnv> = async (c, next) => {
  let bytes = 0;
  for (const [name, value] of c.req.raw.headers) bytes += name.length + value.length + 4;
  if (bytes > maxHeaderBytes)
    throw new ProblemError('headers-too-large', { detail: `At most ${maxHeaderBytes} bytes` });
  if (c.req.url.length > maxUrlLength)
    throw new ProblemError('headers-too-large', { detail: `A URL has at most ${maxUrlLength} characters` });
  await next();
};
