# Core: any of its services, chosen by arguments (`--services orders,payments`); all without.
# Built from the repository's root: docker build -f deploy/containers/core.Dockerfile .
FROM node:26-bookworm-slim AS packages
WORKDIR /lotok
COPY package.json package-lock.json ./
# The image brings its own Node; the pinned one is for developers' machines.
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node node_modules/node-bin-*

FROM node:26-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8081 LOTOK_DATA=/var/lib/lotok
WORKDIR /lotok
COPY --from=packages /lotok/node_modules node_modules
COPY package.json ./
COPY contracts contracts
COPY proto/generated proto/generated
COPY kafka kafka
COPY core core
# For operators: docker compose exec core node scripts/dlq.ts list
COPY scripts scripts
RUN install -d -o node -g node -m 0700 /var/lib/lotok
USER node
VOLUME /var/lib/lotok
EXPOSE 8081 9190-9194
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch('http://127.0.0.1:8081/readyz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["node", "core/main.ts"]
