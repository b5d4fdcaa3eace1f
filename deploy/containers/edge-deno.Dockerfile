# The edge on Deno, a thread for each core (DENO_JOBS).
# Built from the repository's root: docker build -f deploy/containers/edge-deno.Dockerfile .
FROM node:26-bookworm-slim AS packages
WORKDIR /lotok
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund && rm -rf node_modules/node node_modules/node-bin-*

FROM denoland/deno:2.9.6
ENV PRODUCTION=1 HOST=0.0.0.0 PORT=8080
WORKDIR /lotok
COPY --from=packages /lotok/node_modules node_modules
COPY package.json deno.json ./
COPY contracts contracts
COPY edge edge
USER deno
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["deno", "eval", "Deno.exit((await fetch('http://127.0.0.1:8080/healthz')).ok ? 0 : 1)"]
ENTRYPOINT ["deno", "serve", "--parallel", "--host", "0.0.0.0", "--port", "8080", "--no-prompt", "--unstable-no-legacy-abort", "--allow-net", "--allow-env", "--allow-read=edge,contracts,node_modules", "edge/deno-serve.ts"]
