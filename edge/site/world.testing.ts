// A visitor in front of the storefront: requests as a browser makes them, with a cookie jar.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { demoUsers } from '../../contracts/demo.ts';
import { Tokens } from '../../contracts/users.ts';
import { contentTypes } from '../assets.ts';
import type { RequestContext } from '../context.ts';
import type { SiteDeps } from './deps.ts';
import { createFakeCore, type FakeCore } from './fake-core.testing.ts';
import { createSite } from './index.ts';

const folder = join(import.meta.dirname, 'assets');

export const asset: SiteDeps['asset'] = (path) => {
  if (!/^[a-z-]+\.[a-z]+$/.test(path)) return null;
  return {
    bytes: new Uint8Array(readFileSync(join(folder, path))),
    contentType: contentTypes[path.slice(path.lastIndexOf('.'))] ?? '',
  };
};

export interface World {
  readonly core: FakeCore;
  readonly deps: SiteDeps;
  /** Moves the clock, in milliseconds. */
  pass(ms: number): void;
  visitor(options?: { origin?: string; language?: string }): Visitor;
}

export interface Visitor {
  readonly cookies: Map<string, string>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(
    path: string,
    form?: Record<string, string> | URLSearchParams,
    headers?: Record<string, string>,
  ): Promise<Response>;
  signsIn(email?: string): Promise<Visitor>;
}

export function createWorld(config: Partial<SiteDeps['config']> = {}): World {
  const core = createFakeCore();
  let now = Date.parse('2026-11-24T12:00:00Z');
  /** When each access token of the fake core, `access-<user>…`, ends. */
  const issued = new Map<string, number>();
  const deps: SiteDeps = {
    async api(method, path, options) {
      const response = await core.api(method, path, options);
      if (path.startsWith('/v1/auth/') && response.ok && response.status !== 204) {
        const tokens = Tokens.parse(await response.clone().json());
        issued.set(tokens.access_token, Math.floor(now / 1000) + tokens.expires_in);
      }
      return response;
    },
    asset,
    clock: () => now,
    log: { warn: () => {}, error: () => {} },
    config: { demo: true, mediaOrigins: [], ...config },
    async verify(token) {
      const user = demoUsers.find(({ id }) => token.startsWith(`access-${id}`));
      const exp = issued.get(token) ?? 0;
      if (!user || exp * 1000 <= now) return null;
      return { sub: user.id, iss: 'test', aud: 'test', exp, sid: 'session', roles: [...user.roles] };
    },
  };
  const site = createSite(deps);

  const visitor: World['visitor'] = ({ origin = 'http://lotok.test', language = 'ru' } = {}) => {
    const cookies = new Map<string, string>();
    const send = async (path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> => {
      const headers = new Headers({ 'accept-language': language, ...init.headers });
      if (cookies.size > 0) headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
      const context: RequestContext = {
        requestId: 'r',
        address: '127.0.0.1',
        origin,
        trace: ROOT_CONTEXT,
        traceId: 'f'.repeat(32),
        internal: false,
      };
      const response = await site.fetch(new Request(new URL(path, origin), { ...init, headers, redirect: 'manual' }), {
        context,
      });
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (/max-age=0/i.test(line)) cookies.delete(name);
        else cookies.set(name, value);
      }
      return response;
    };
    const self: Visitor = {
      cookies,
      get: (path, headers = {}) => send(path, { method: 'GET', headers }),
      post: (path, form = {}, headers = {}) =>
        send(path, {
          method: 'POST',
          body: new URLSearchParams(form).toString(),
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'sec-fetch-site': 'same-origin',
            origin,
            ...headers,
          },
        }),
      async signsIn(email = 'buyer@demo.lotok') {
        await self.post('/sign-in', { email, password: 'demo' });
        return self;
      },
    };
    return self;
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { core, deps, pass, visitor };
}
