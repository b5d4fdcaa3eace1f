// The question to core whether a session still lives, for when we may have missed that it ended.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Upstream } from '../upstream/upstream.ts';
import type { SessionState } from './tokens.ts';

const timeoutMs = 2_000;

/** 404: the session is none of core's, since its tokens come from elsewhere, or core is of the version before. */
const states: Readonly<Record<number, SessionState>> = { 204: 'alive', 401: 'ended', 404: 'alive' };

export const createSessionQuestion =
  (upstream: Upstream, url: string) =>
  async (token: string): Promise<SessionState> => {
    const response = await upstream.forward({
      service: 'users',
      url,
      method: 'GET',
      headers: new Headers({ authorization: `Bearer ${token}` }),
      trace: ROOT_CONTEXT,
      repeatable: true,
      timeoutMs,
    });
    await response.body?.cancel();
    return states[response.status] ?? 'unknown';
  };
