// How the edge on Node reaches upstreams: HTTP/2 where they speak it, else undici's pool. fetch would rewrite too much.
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { Agent, request as undiciRequest } from 'undici';
import { createHttp2Origin, type Http2Origin, SpeaksNoHttp2 } from './node-http2.ts';
import type { UpstreamRequest } from './platform.ts';

export interface NodeUpstream extends AsyncDisposable {
  fetch(request: UpstreamRequest): Promise<Response>;
}

/** A body of known size up to this is quicker in one piece than as a stream. */
const wholeBytes = 1024 * 1024;
const askAgainMs = 60_000;

export function createNodeUpstream({ timeoutMs, http2 }: { timeoutMs: number; http2: boolean }): NodeUpstream {
  const agent = new Agent({
    connections: 128,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: timeoutMs,
    maxHeaderSize: 64 * 1024,
  });
  const origins = new Map<string, Http2Origin>();
  /** Origins that were found to speak HTTP/1.1 only, and until when that is believed. */
  const older = new Map<string, number>();

  async function fetchByHttp2(request: UpstreamRequest, origin: string): Promise<Response> {
    let known = origins.get(origin);
    if (!known) {
      known = createHttp2Origin(origin);
      origins.set(origin, known);
    }
    try {
      return await known.fetch(request);
    } catch (error) {
      if (!(error instanceof SpeaksNoHttp2)) throw error;
      // Nothing of the request was sent yet, so it can go the other way.
      older.set(origin, performance.now() + askAgainMs);
      return fetchByHttp1(request);
    }
  }

  async function fetchByHttp1({ url, method, headers, body, signal, onInterim }: UpstreamRequest): Promise<Response> {
    const answer = await undiciRequest(url, {
      dispatcher: agent,
      method: method as 'GET',
      headers: Object.fromEntries(headers),
      body: body instanceof ReadableStream ? Readable.fromWeb(body as NodeReadableStream) : (body ?? null),
      ...(signal ? { signal } : {}),
      ...(onInterim
        ? {
            onInfo: ({ statusCode, headers: told }) => onInterim(statusCode, told as Record<string, string | string[]>),
          }
        : {}),
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
  }

  return {
    fetch(request) {
      const { origin } = new URL(request.url);
      const byHttp1 = !http2 || (older.get(origin) ?? 0) > performance.now();
      return byHttp1 ? fetchByHttp1(request) : fetchByHttp2(request, origin);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([agent.close(), ...[...origins.values()].map((each) => each[Symbol.asyncDispose]())]);
    },
  };
}
