// The edge on Deno, in one thread, with a certificate HTTP/2 too: deno task edge, deno task edge:tls
import { createEdge } from './app.ts';
import { toResponse } from './cache/cache-answer.ts';
import { cacheApiOf, openEmptyCache } from './cache/cache-api.ts';
import { edgeConfig } from './config.ts';
import { createDenoPlatform, endOnSignal, writeLine } from './deno-platform.ts';

const config = edgeConfig(Deno.env.toObject());
const { platform, setPeer } = createDenoPlatform(config, cacheApiOf(config, await openEmptyCache()));
const edge = createEdge(platform);
const tls =
  config.tlsCertFile && config.tlsKeyFile
    ? { cert: Deno.readTextFileSync(config.tlsCertFile), key: Deno.readTextFileSync(config.tlsKeyFile) }
    : {};
const server = Deno.serve(
  {
    hostname: config.hostname,
    port: config.port,
    ...tls,
    onListen: ({ port }) =>
      writeLine(
        JSON.stringify({ event: 'ready', url: `${'cert' in tls ? 'https' : 'http'}://${config.hostname}:${port}` }),
      ),
  },
  (request, info) => {
    const hit = edge.hit(request.method, request.url, (name) => request.headers.get(name));
    if (hit) return toResponse(hit);
    setPeer(request, info.remoteAddr.hostname);
    return edge.fetch(request);
  },
);

endOnSignal(platform.log, async () => {
  const drained = server.shutdown();
  // Ends the streams, so that their clients go to another edge at once.
  await edge[Symbol.asyncDispose]();
  await drained;
});
