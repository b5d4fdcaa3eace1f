// The edge on Deno on several cores: `deno serve --parallel` runs this in a thread for each (deno task edge:parallel).
import { createEdge } from './app.ts';
import { toResponse } from './cache/cache-answer.ts';
import { cacheApiOf, openEmptyCache } from './cache/cache-api.ts';
import { edgeConfig } from './config.ts';
import { createDenoPlatform, endOnSignal, writeLine } from './deno-platform.ts';
import type { SiblingBus } from './siblings.ts';

const writingMs = 200;

const channel = new BroadcastChannel('lotok-edge');
const bus: SiblingBus = {
  id: crypto.randomUUID(),
  post: (message) => channel.postMessage(message),
  listen: (hear) => {
    channel.onmessage = ({ data }) => hear(data);
  },
};
const config = edgeConfig(Deno.env.toObject());
const { platform, setPeer } = createDenoPlatform(config, cacheApiOf(config, await openEmptyCache()), bus);
const edge = createEdge(platform);
const answering = new Set<Promise<void>>();

/** Deno keeps the listener to itself, so what is under way is counted here. */
endOnSignal(platform.log, async () => {
  // Ends the streams, so that their clients go to another edge at once.
  await edge[Symbol.asyncDispose]();
  while (answering.size > 0) await Promise.all(answering);
  // Handed to the runtime, but not written yet.
  await new Promise((resolve) => setTimeout(resolve, writingMs));
  // The first thread to exit would end all of them.
  await platform.siblings?.leave();
});

export default {
  // Of one thread alone.
  onListen(address) {
    if (address.transport !== 'tcp') throw new Error(`the edge listens on TCP, not on ${address.transport}`);
    writeLine(JSON.stringify({ event: 'ready', url: `http://${address.hostname}:${address.port}` }));
  },
  fetch(request, info) {
    const hit = edge.hit(request.method, request.url, (name) => request.headers.get(name));
    if (hit) return toResponse(hit);
    const { remoteAddr, completed } = info;
    setPeer(request, 'hostname' in remoteAddr ? remoteAddr.hostname : '');
    // Rejects where the client left before it had everything.
    const done = completed.catch(() => undefined).then(() => void answering.delete(done));
    answering.add(done);
    return edge.fetch(request);
  },
} satisfies Deno.ServeDefaultExport;
