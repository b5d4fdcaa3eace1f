// Logs as events: one JSON line for each thing that happened. Never a secret or a person's data.

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof levels)[number] | 'silent';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export function createLog(level: LogLevel, write: (line: string) => void, bound: LogFields = {}): Log {
  const least = level === 'silent' ? levels.length : levels.indexOf(level);
  const at =
    (rank: number, name: string) =>
    (event: string, fields: LogFields = {}): void => {
      if (rank < least) return;
      write(JSON.stringify({ time: new Date().toISOString(), level: name, event, ...bound, ...fields }, readable));
    };
  return { debug: at(0, 'debug'), info: at(1, 'info'), warn: at(2, 'warn'), error: at(3, 'error') };
}

/** Errors have no enumerable fields, so JSON would lose them. */
function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return {
    name: value.name,
    message: value.message,
    stack: value.stack,
    ...(value.cause === undefined ? {} : { cause: value.cause }),
  };
}
