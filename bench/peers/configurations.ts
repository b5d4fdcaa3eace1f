// How the peers are set up: each with one worker, keeping what the origin says may be kept, in memory or its page cache.

// Started as root nginx would give up its rights, and then couldn't reach a folder that is ours alone.
export const nginxConfig = (folder: string, port: number, origin: number): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  proxy_cache_path ${folder}/nginx keys_zone=hits:10m;
  client_body_temp_path ${folder}/nginx/body;
  proxy_temp_path ${folder}/nginx/proxy;
  fastcgi_temp_path ${folder}/nginx/fastcgi;
  uwsgi_temp_path ${folder}/nginx/uwsgi;
  scgi_temp_path ${folder}/nginx/scgi;
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    location / { proxy_pass http://127.0.0.1:${origin}; proxy_cache hits; }
  }
}
`;

export const varnishArguments = (folder: string, port: number, origin: number): string[] => [
  '-F',
  ...['-n', `${folder}/varnish`],
  ...['-a', `127.0.0.1:${port}`],
  ...['-b', `127.0.0.1:${origin}`],
  ...['-s', 'malloc,64m'],
];

/**
 * Caddy has no cache of its own, and Debian's has no plugin: a file of the same bytes stands for the hit, which is less
 * work than a cache's.
 */
export const caddyConfig = (port: number, body: string): string => `
{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  root * ${body}
  header Content-Type application/json
  header Cache-Control "public, max-age=3600"
  rewrite * /listing.json
  file_server
}
`;
