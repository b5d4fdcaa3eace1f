// The log: one JSON line per event, with the trace it belongs to and without secrets.
import { context, trace } from '@opentelemetry/api';
import { type DestinationStream, pino } from 'pino';
import { redacted } from './redact.ts';

export interface Log {
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
  /** A log whose every line also has these fields. */
  child(fields: Record<string, unknown>): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  readonly service: string;
  readonly level: LogLevel;
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream;
}

export function createLogger({ service, level, destination }: LoggerOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Synchronous, so that the last lines before a crash are there.
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
  const withFields = (bound: Record<string, unknown>): Log => {
    const write =
      (at: 'debug' | 'info' | 'warn' | 'error') =>
      (event: string, fields: Record<string, unknown> = {}): void => {
        if (!logger.isLevelEnabled(at)) return;
        logger[at](distinct({ ...bound, ...activeTrace(), ...redacted(fields) }), event);
      };
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (fields) => withFields({ ...bound, ...redacted(fields) }),
    };
  };
  return withFields({ service });
}

/** For tests that don't look at the log. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

function activeTrace(): Record<string, string> {
  const span = trace.getSpanContext(context.active());
  return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

/** A JSON object must not name a member twice (RFC 8259, section 4), and these names are the line's own. */
function distinct(fields: Record<string, unknown>): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    safe[key === 'time' || key === 'level' || key === 'event' ? `${key}_` : key] = value;
  }
  return safe;
}
