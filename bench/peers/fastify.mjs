// The best known Node gateway with its cache plugin: answers of the origin, kept by path in @fastify/caching's store.
import caching from '@fastify/caching';
import fastify from 'fastify';

const { ORIGIN = '', PORT = '0' } = process.env;
const lifetimeMs = 3_600_000;

const app = fastify();
await app.register(caching, { privacy: caching.privacy.PUBLIC, expiresIn: 3_600 });
app.get('/*', async (request, reply) => {
  const kept = await new Promise((resolve, reject) =>
    app.cache.get(request.url, (error, found) => (error ? reject(error) : resolve(found?.item))),
  );
  if (kept) return reply.headers(kept.headers).send(kept.body);
  const response = await fetch(ORIGIN + request.url);
  const headers = { 'content-type': response.headers.get('content-type'), etag: response.headers.get('etag') };
  const body = Buffer.from(await response.arrayBuffer());
  await new Promise((resolve, reject) =>
    app.cache.set(request.url, { headers, body }, lifetimeMs, (error) => (error ? reject(error) : resolve())),
  );
  return reply.headers(headers).send(body);
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
