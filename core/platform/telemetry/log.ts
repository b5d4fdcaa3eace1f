// Logs are events: one JSON line per thing that happened, with a stable name and the trace it belongs to.
import { trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger as Pino, pino } from 'pino';

export interface Log {
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void;
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export interface LogOptions {
  readonly service: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Standard output when not given. */
  readonly destination?: DestinationStream;
}

/** Never written, wherever they stand in an event's fields. */
const secretFields = [
  'authorization',
  'password',
  'token',
  'access_token',
  'refresh_token',
  'cookie',
  'secret',
  'email',
  'address',
  'phone',
];

export function createLogger({ service, level, destination }: LogOptions): Log {
  const options = {
    base: { service },
    level,
    messageKey: 'event',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.errWithCause },
    redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    // The span that is active where the line is written.
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext();
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  };
  return wrap(destination ? pino(options, destination) : pino(options));
}

const wrap = (logger: Pino): Log => ({
  debug: (event, fields = {}) => logger.debug(fields, event),
  info: (event, fields = {}) => logger.info(fields, event),
  warn: (event, fields = {}) => logger.warn(fields, event),
  error: (event, fields = {}) => logger.error(fields, event),
  child: (fields) => wrap(logger.child(fields)),
});

/** For tests that look at something else. */
export const silentLog: Log = wrap(pino({ level: 'silent' }));
