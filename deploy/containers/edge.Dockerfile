# The edge on Node, one process for each core (EDGE_WORKERS). On Deno: edge-deno.Dockerfile; on Workers it needs none.
# Built from the repository's root: docker build -f deploy/containers/edge.Dockerfile .
FROM node:26-bookworm-slim AS packages
WORKDIR /lotok
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node node_modules/node-bin-*

FROM node:26-bookworm-slim
ENV NODE_ENV=production PRODUCTION=1 HOST=0.0.0.0 PORT=8080
WORKDIR /lotok
COPY --from=packages /lotok/node_modules node_modules
COPY package.json ./
COPY contracts contracts
COPY edge edge
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "edge/node.ts"]
