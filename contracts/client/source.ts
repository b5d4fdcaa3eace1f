// Where messages come from: a connection of one's own, or one that tabs share.
import { Connection, type ConnectionOptions, type LiveState } from './connection.ts';
import type { Heard } from './messages.ts';

export interface SourceEar {
  state(state: LiveState): void;
  /** Everything in these channels, and in one's own, is heard from now on. */
  open(channels: readonly string[]): void;
  heard(heard: Heard): void;
  /** This tab missed what another one heard. */
  missed(): void;
  /** The shared connection has no room for our channels. */
  full(): void;
}

export interface Source {
  /** Where we are now. */
  readonly id: string | undefined;
  want(channels: readonly string[]): void;
  hurry(): void;
  close(): void;
}

export function ownConnection(
  options: Omit<ConnectionOptions, 'ear'>,
  channels: readonly string[],
  ear: SourceEar,
): Source {
  const connection: Connection = new Connection(
    {
      ...options,
      ear: {
        state: (state) => ear.state(state),
        open: () => ear.open(connection.covered),
        heard: (heard) => ear.heard(heard),
        alive: () => undefined,
      },
    },
    channels,
  );
  return {
    get id() {
      return connection.id;
    },
    want(wanted) {
      // What nobody wants any more is left out when something else comes in: that alone costs no new connection.
      if (!wanted.every((channel) => connection.channels.includes(channel))) void connection.change(wanted);
      else if (connection.live) ear.open(connection.covered);
    },
    hurry: () => connection.hurry(),
    close: () => connection.close(),
  };
}
