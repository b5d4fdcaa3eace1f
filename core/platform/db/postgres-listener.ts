// Notices of PostgreSQL: one connection that listens to every channel, comes back after a loss, and then tells
// everybody, since what was said meanwhile is gone.
import pg from 'pg';
import { backoffMs } from '../backoff.ts';
import type { Log } from '../telemetry/log.ts';
import { connectTimeoutMs } from './postgres-pool.ts';

export interface ListenerOptions {
  readonly url: string;
  readonly log: Log;
  /** How often a silent connection is asked whether it lives, and how long its answer may take. */
  readonly pingMs: number;
  readonly answerTimeoutMs: number;
}

export interface PostgresListener extends AsyncDisposable {
  /** Resolves once the channel is listened to. */
  listen(channel: string, heard: () => void): Promise<AsyncDisposable>;
}

const pauses = { firstMs: 200, longestMs: 2_000 };

/** Connects with the first channel. Channel names are identifiers that the caller has checked. */
export function createListener({ url, log, pingMs, answerTimeoutMs }: ListenerOptions): PostgresListener {
  const channels = new Map<string, Set<{ readonly heard: () => void }>>();
  let client: pg.Client | undefined;
  let connecting: Promise<pg.Client> | undefined;
  let again: NodeJS.Timeout | undefined;
  let failures = 0;
  let closed = false;

  const tell = (channel: string): void => {
    for (const { heard } of channels.get(channel) ?? []) heard();
  };

  const connect = async (): Promise<pg.Client> => {
    const next = new pg.Client({
      connectionString: url,
      application_name: 'lotok-listen',
      keepAlive: true,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: answerTimeoutMs,
      pipeline: true, // several may begin to listen at once
    } as pg.ClientConfig);
    next.on('error', () => undefined); // followed by 'end'
    next.on('end', () => {
      if (client !== next) return;
      client = undefined;
      comeBack();
    });
    next.on('notification', ({ channel }) => tell(channel));
    try {
      await next.connect();
      for (const channel of channels.keys()) await next.query(`listen ${channel}`);
    } catch (error) {
      await next.end().catch(() => undefined);
      throw error;
    }
    client = next;
    failures = 0;
    return next;
  };

  const connected = (): Promise<pg.Client> => {
    if (client) return Promise.resolve(client);
    connecting ??= connect().finally(() => {
      connecting = undefined;
    });
    return connecting;
  };

  const comeBack = (): void => {
    if (closed || again) return;
    failures += 1;
    again = setTimeout(
      () => {
        again = undefined;
        connected().then(
          () => {
            for (const channel of channels.keys()) tell(channel);
          },
          (error: Error) => {
            log.warn('database.listen_failed', { failures, error: error.message });
            comeBack();
          },
        );
      },
      backoffMs(failures - 1, pauses),
    );
  };

  // A connection that died without a word would be silent for ever.
  const pinging = setInterval(() => {
    const asked = client;
    asked?.query('select 1').catch((error: Error) => {
      log.warn('database.listen_failed', { error: error.message });
      if (client !== asked) return;
      client = undefined;
      asked.end().catch(() => undefined);
      comeBack();
    });
  }, pingMs);
  pinging.unref();

  return {
    async listen(channel, heard) {
      const own = { heard };
      const known = channels.get(channel);
      if (known) known.add(own);
      else channels.set(channel, new Set([own]));
      try {
        // Also where others listen already: their `listen` may not have been answered yet.
        const current = await connected();
        await current.query(`listen ${channel}`);
      } catch (error) {
        channels.get(channel)?.delete(own);
        throw error;
      }
      return {
        async [Symbol.asyncDispose]() {
          const listeners = channels.get(channel);
          if (!listeners?.delete(own) || listeners.size > 0) return;
          channels.delete(channel);
          await client?.query(`unlisten ${channel}`).catch(() => undefined);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(again);
      clearInterval(pinging);
      channels.clear();
      await connecting?.catch(() => undefined);
      const last = client;
      client = undefined;
      await last?.end();
    },
  };
}
