// The servers of an earlier run on the data that it left, for whoever wants to see what it came to.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../scripts/free-port.ts';
import { providePrograms } from '../../scripts/services/packages.ts';
import { variables } from '../../scripts/services/state.ts';
import { neededPrograms, Server, serverNames } from './server.ts';

export interface Look extends AsyncDisposable {
  /** For a shell. */
  readonly variables: readonly string[];
}

export async function lookAt(folder: string): Promise<Look> {
  if (!existsSync(join(folder, 'watched.jsonl'))) throw new Error(`${folder} is not what a run has left`);
  const opened = new AsyncDisposableStack();
  try {
    const programs = providePrograms(neededPrograms);
    const servers: Server[] = [];
    for (const name of serverNames) {
      servers.push(opened.use(new Server(name, programs, { folder, port: await freePort() })));
    }
    await Promise.all(servers.map((server) => server.start()));
    return {
      variables: servers.map(({ name, url }) => `export ${variables[name]}='${url}'`),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
