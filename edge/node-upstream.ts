// How the edge on Node reaches upstreams: undici's pool, without the rewriting that fetch does.
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { Agent, request as undiciRequest } from 'undici';
import type { UpstreamRequest } from './platform.ts';

export interface NodeUpstream extends AsyncDisposable {
  fetch(request: UpstreamRequest): Promise<Response>;
}

/** A body of known size up to this is quicker in one piece than as a stream. */
const wholeBytes = 1024 * 1024;

export function createNodeUpstream({ timeoutMs, http2 }: { timeoutMs: number; http2: boolean }): NodeUpstream {
  const agent = new Agent({
    connections: 128,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: timeoutMs,
    maxHeaderSize: 64 * 1024,
    allowH2: http2,
  });
  return {
    async fetch({ url, method, headers, body, signal }) {
      const answer = await undiciRequest(url, {
        dispatcher: agent,
        method: method as 'GET',
        headers: Object.fromEntries(headers),
        body: body instanceof ReadableStream ? Readable.fromWeb(body as NodeReadableStream) : (body ?? null),
        ...(signal ? { signal } : {}),
      });
      const received = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) {
        for (const each of Array.isArray(value) ? value : [value]) if (each !== undefined) received.append(name, each);
      }
      const { statusCode: status } = answer;
      if (method === 'HEAD' || status === 204 || status === 205 || status === 304) {
        await answer.body.dump();
        return new Response(null, { status, headers: received });
      }
      const length = Number(received.get('content-length') ?? Number.NaN);
      const content =
        length <= wholeBytes
          ? new Uint8Array(await answer.body.arrayBuffer())
          : (Readable.toWeb(answer.body) as ReadableStream);
      return new Response(content, { status, headers: received });
    },
    [Symbol.asyncDispose]: () => agent.close(),
  };
}
