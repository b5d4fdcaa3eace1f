// Programs that the services need from the system.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface Program {
  readonly title: string;
  /** The Debian package that has it. */
  readonly debianPackage: string;
  readonly find: () => string | undefined;
}

const programs = {
  postgres: {
    title: 'PostgreSQL',
    debianPackage: 'postgresql',
    find: () => findProgram('postgres', postgresFolders()),
  },
  redis: { title: 'Redis', debianPackage: 'redis-server', find: () => findProgram('redis-server') },
  java: { title: 'Java 17', debianPackage: 'default-jre-headless', find: () => findProgram('java') },
  maven: { title: 'Maven', debianPackage: 'maven', find: () => findProgram('mvn') },
} satisfies Record<string, Program>;
export type ProgramName = keyof typeof programs;

/** Whether all of them are there already. */
export const hasPrograms = (names: readonly ProgramName[]): boolean =>
  names.every((name) => programs[name].find() !== undefined);

/** Paths of the programs; installs what is missing where that is possible, and says what to do where it isn't. */
export function providePrograms<Name extends ProgramName>(names: readonly Name[]): Record<Name, string> {
  const missing = names.map((name) => programs[name]).filter((program) => program.find() === undefined);
  if (missing.length > 0) install(missing);
  return Object.fromEntries(
    names.map((name) => {
      const path = programs[name].find();
      if (path === undefined) throw new Error(`${programs[name].title} is still missing after its installation`);
      return [name, path];
    }),
  ) as Record<Name, string>;
}

function install(missing: readonly Program[]): void {
  const packages = missing.map((program) => program.debianPackage);
  const command = `apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  const titles = missing.map((program) => program.title).join(', ');
  const otherwise = 'or start a Docker engine, and run `npm run services` again';
  if (findProgram('apt-get') === undefined) throw new Error(`missing: ${titles}. Install them ${otherwise}`);
  if (process.getuid?.() !== 0) throw new Error(`missing: ${titles}. Install them (sudo ${command}) ${otherwise}`);
  console.log(`installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  const args = ['install', '--yes', '--no-install-recommends', ...packages];
  // The lists of packages may be missing or old.
  if (!apt(...args) && !(apt('update') && apt(...args))) throw new Error(`\`${command}\` failed`);
}

export function findProgram(name: string, alsoIn: readonly string[] = []): string | undefined {
  const folders = [...alsoIn, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Debian keeps the server's programs out of PATH, one folder per version; the newest first. */
function postgresFolders(): string[] {
  const base = '/usr/lib/postgresql';
  try {
    const versions = readdirSync(base).toSorted((one, two) => Number(two) - Number(one));
    return versions.map((version) => join(base, version, 'bin'));
  } catch {
    return [];
  }
}
