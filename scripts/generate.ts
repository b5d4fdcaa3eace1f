// `npm run generate`: what is made of the contracts and kept in git: the REST client, and the manifest of GraphQL documents.
// With `--check` it writes nothing, and fails where something is out of date.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  specifiedRules,
  stripIgnoredCharacters,
  validate,
  visit,
} from 'graphql';
import { openApi } from '../contracts/openapi.ts';
import { costLimits } from '../edge/graphql/limits.ts';
import { schema } from '../edge/graphql/schema.ts';
import { maxFirst } from '../edge/graphql/types.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'contracts/generated');
const madeBy = 'Made by `npm run generate`; do not edit.';

/** oazapfts makes one function per operation; what an answer is depends on its status. */
async function restClient(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'lotok-generate-'));
  try {
    await writeFile(join(scratch, 'openapi.json'), JSON.stringify(openApi('http://localhost:8080')));
    await promisify(execFile)(process.execPath, [
      join(root, 'node_modules/oazapfts/dist/cli.js'),
      join(scratch, 'openapi.json'),
      join(scratch, 'client.ts'),
      '--useUnknown',
      '--argumentStyle=object',
      '--futureStripLegacyMethods',
    ]);
    // What oazapfts writes is not made for exactOptionalPropertyTypes; what it declares is.
    return `// @ts-nocheck\n// ${madeBy}\n${await readFile(join(scratch, 'client.ts'), 'utf8')}`;
  } finally {
    await rm(scratch, { recursive: true });
  }
}

interface Screen {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly body: string;
}

/** One document for each operation, with the fragments that it needs, named by its hash. Throws what is wrong with one. */
async function screensOf(path: string): Promise<Screen[]> {
  const operations: (readonly [file: string, operation: OperationDefinitionNode])[] = [];
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const file of (await readdir(path)).filter((name) => name.endsWith('.graphql')).sort()) {
    for (const definition of parse(await readFile(join(path, file), 'utf8')).definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) operations.push([file, definition]);
      else if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    }
  }
  return operations.map(([file, operation]) => {
    const name = operation.name?.value;
    if (name === undefined) throw new Error(`${file}: every operation has a name`);
    const document: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...neededBy(operation, fragments)] };
    const errors = validate(schema, document, [...specifiedRules, costLimits(maxFirst)]);
    if (errors.length > 0) throw new Error(`${file}: ${name}: ${errors.map(({ message }) => message).join('; ')}`);
    const body = stripIgnoredCharacters(print(document));
    return { id: createHash('sha256').update(body).digest('hex'), name, type: operation.operation, body };
  });
}

function neededBy(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): FragmentDefinitionNode[] {
  const needed = new Map<string, FragmentDefinitionNode>();
  const look = (node: OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name: { value } }) {
        const fragment = fragments.get(value);
        if (!fragment || needed.has(value)) return;
        needed.set(value, fragment);
        look(fragment);
      },
    });
  };
  look(operation);
  return [...needed.values()];
}

/** For the edge, which knows the documents by their hashes. */
const screensSource = (screens: readonly Screen[]): string => `// ${madeBy}
/** The documents of contracts/screens by their SHA-256. */
export const screens: Readonly<Record<string, string>> = {
${screens.map(({ id, name, body }) => `  // ${name}\n  '${id}':\n    ${JSON.stringify(body)},\n`).join('')}};

/** The SHA-256 of each, by its name. */
export const screenIds = {
${screens.map(({ id, name }) => `  ${name}: '${id}',\n`).join('')}} as const;
`;

/** For apps: Apollo's format, which its clients' tools read. */
const manifest = (screens: readonly Screen[]): string =>
  `${JSON.stringify({ format: 'apollo-persisted-query-manifest', version: 1, operations: screens }, null, 2)}\n`;

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const screens = await screensOf(join(root, 'contracts/screens'));
const files: Readonly<Record<string, string>> = {
  'client.ts': await restClient(),
  'screens.ts': screensSource(screens),
  'screens.json': manifest(screens),
};
await mkdir(folder, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const file = join(folder, name);
  if (!values.check) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`contracts/generated/${name} is out of date: npm run generate`);
    process.exitCode = 1;
  }
}
