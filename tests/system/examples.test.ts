// Every example of the OpenAPI document, pasted into a shell as it is, against the whole system.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApi } from '../../contracts/openapi.ts';
import type { RouteSpec } from '../../contracts/route.ts';
import { routes } from '../../contracts/routes.ts';
import { startLotok, type TestLotok } from './lotok.ts';

interface Operation {
  readonly operationId: string;
  readonly 'x-codeSamples'?: readonly { readonly source: string }[];
}
const operationsOf = (document: unknown): Operation[] =>
  Object.values((document as { paths: Record<string, Record<string, Operation>> }).paths).flatMap((methods) =>
    Object.values(methods),
  );
const names = operationsOf(openApi('http://localhost:8080'))
  .filter((operation) => operation['x-codeSamples'])
  .map(({ operationId }) => operationId);
const tools = ['curl', 'jq'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);

async function paste(source: string): Promise<{ code: number | null; output: string; complaints: string }> {
  const shell = spawn('sh', ['-e'], { stdio: ['pipe', 'pipe', 'pipe'], timeout: 45_000 });
  const said = Promise.all([text(shell.stdout), text(shell.stderr)]);
  shell.stdin.end(`${source}\n`);
  const [code] = (await once(shell, 'close')) as [number | null];
  const [output, complaints] = await said;
  return { code, output, complaints };
}

describe.skipIf(tools.length > 0)(`an example${tools.length > 0 ? ` (needs ${tools.join(' and ')})` : ''}`, () => {
  let lotok: TestLotok;
  let examples: ReadonlyMap<string, string>;
  beforeAll(async () => {
    lotok = await startLotok();
    const document: unknown = await (await fetch(`${lotok.url}/openapi.json`)).json();
    examples = new Map(
      operationsOf(document).map((operation) => [operation.operationId, operation['x-codeSamples']?.[0]?.source ?? '']),
    );
  });
  afterAll(() => lotok?.[Symbol.asyncDispose]());

  it('is there for all that a client can ask', () => {
    const signed = Object.values<RouteSpec>(routes).filter(({ auth, id }) => auth === 'signed' && id !== 'putObject');
    const without = [...examples].filter(([, source]) => source === '').map(([id]) => id);
    expect(without.sort()).toEqual([...signed.map(({ id }) => id), routes.setPayoutDestination.id].sort());
  });

  it.each(names)('of %s works when it is pasted', async (name) => {
    const { code, output, complaints } = await paste(examples.get(name) ?? '');
    expect(code, `${output.slice(-500)}\n${complaints.slice(-500)}`).toBe(0);
    const route = (routes as Record<string, RouteSpec>)[name];
    if (!route?.success.body) return;
    const answer = output.slice(output.lastIndexOf('\n{') + 1);
    expect(route.success.body.safeParse(JSON.parse(answer)).error, answer.slice(0, 300)).toBeUndefined();
  });
});
