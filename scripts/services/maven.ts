// Libraries of servers that run on Java, from Maven Central.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder as checkoutFolder } from './state.ts';

export interface Library {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  /** Groups of libraries that it names and that we don't need. */
  readonly without?: readonly string[];
}

export interface Libraries {
  readonly title: string;
  /** The folder's name, and the version that is told apart by. */
  readonly name: string;
  readonly version: string;
  readonly libraries: readonly Library[];
}

/** The folder with the jars: once for the checkout, wherever its servers keep their data. */
export function fetchLibraries(maven: string, { title, name, version, libraries }: Libraries): string {
  const home = join(checkoutFolder, name);
  mkdirSync(home, { recursive: true });
  const jars = join(home, 'libs');
  const versionFile = join(jars, 'VERSION');
  if (existsSync(versionFile) && readFileSync(versionFile, 'utf8') === version) return jars;
  console.log(`fetching ${title} ${version} from Maven Central`);
  rmSync(jars, { recursive: true, force: true });
  writeFileSync(join(home, 'pom.xml'), pom(name, libraries));
  const args = [
    '--batch-mode',
    '--quiet',
    '-Dstyle.color=never',
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
  ];
  execFileSync(maven, [...args, `-DoutputDirectory=${jars}`], { cwd: home, stdio: ['ignore', 'inherit', 'inherit'] });
  writeFileSync(versionFile, version);
  return jars;
}

const exclusion = (group: string): string =>
  `<exclusion><groupId>${group}</groupId><artifactId>*</artifactId></exclusion>`;

const dependency = ({ group, artifact, version, without = [] }: Library): string => `
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
      <exclusions>${without.map(exclusion).join('')}</exclusions>
    </dependency>`;

const pom = (
  name: string,
  libraries: readonly Library[],
): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lotok</groupId>
  <artifactId>${name}-libraries</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${libraries.map(dependency).join('')}
  </dependencies>
</project>
`;
