// A run from its beginning to its end: the stage, the load, the faults, the calm after them, and the reckoning.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Books } from './books.ts';
import type { Timeouts } from './environment.ts';
import { faultKinds } from './faults.ts';
import { provesHalves } from './halves.ts';
import { layoutOf, type Topology } from './layout.ts';
import { Load } from './load.ts';
import { luckOf } from './luck.ts';
import { Promises } from './promises.ts';
import { type PlannedFault, planFaults } from './schedule.ts';
import { openStage, type Stage } from './stage.ts';
import { verifyInvariants } from './verify.ts';

export interface RunOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly topology: Topology;
  readonly ordersPerSecond: number;
  readonly buyers: number;
  /** From one fault to the next, on average. */
  readonly faultEverySeconds: number;
  /** Short, so that also orders which wait for nobody end within the run. */
  readonly timeouts: Timeouts;
  /** Names of kinds; all when not given. */
  readonly only?: readonly string[] | undefined;
  readonly folder: string;
  /** How long all may take to come to its end after the last fault. */
  readonly calmSeconds: number;
  /** Whether each zone has to show afterwards that it can do alone. */
  readonly provesHalves: boolean;
  readonly say: (line: string) => void;
  /** Ends the run early; what was done is reckoned up all the same. */
  readonly signal?: AbortSignal;
}

export interface Outcome {
  readonly faults: ReadonlyMap<string, number>;
  /** Orders by how they were meant and how they ended. */
  readonly orders: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly refusals: ReadonlyMap<string, number>;
  readonly begun: number;
  readonly loadSeconds: number;
  readonly calmAfterSeconds: number;
  readonly repeatedEvents: number;
  readonly disturbedRequests: ReadonlyMap<string, number>;
  readonly restarts: number;
  readonly violations: readonly string[];
  /** Of the program that checks the invariants. */
  readonly verdict: string;
}

const faultsAtOnce = 3;
/** The load is there before the first fault, and goes on after the last. */
const aroundMs = 3_000;
const tellEveryMs = 30_000;

export async function runFaults(options: RunOptions): Promise<Outcome> {
  const { seed, minutes, topology, ordersPerSecond, buyers, folder, say, signal } = options;
  const violations: string[] = [];
  const incident = (text: string): void => {
    say(`!! ${text}`);
    violations.push(text);
  };
  const kinds = faultKinds.filter(({ name }) => options.only?.includes(name) ?? true);
  const plan = planFaults({
    seed,
    kinds,
    layout: layoutOf(topology),
    durationMs: minutes * 60_000,
    everyMs: options.faultEverySeconds * 1000,
    atOnce: faultsAtOnce,
  });
  await mkdir(folder, { recursive: true });
  await using stage = await openStage({ folder, seed, topology, timeouts: options.timeouts, onIncident: incident });
  await using books = new Books(stage.servers.postgres.url);
  say(`the parts run (${topology}): ${[...stage.parts.keys()].join(', ')}`);

  const promises = new Promises();
  await using load = await Load.open({ seed, edges: stage.edges, folder, buyers, ordersPerSecond, promises });
  const began = performance.now();
  load.start();
  const telling = setInterval(
    () => say(`          ${promises.orders.length} orders of ${load.begun} purchases, ${load.underWay} under way`),
    tellEveryMs,
  );
  await sleep(aroundMs, undefined, { signal }).catch(() => undefined);
  const faults = await strikeAll(stage, plan, options, incident);
  const restMs = began + minutes * 60_000 + aroundMs - performance.now();
  await sleep(Math.max(aroundMs, restMs), undefined, { signal }).catch(() => undefined);
  clearInterval(telling);
  const loadSeconds = (performance.now() - began) / 1000;
  say(`no more purchases after ${Math.round(loadSeconds)} s: ${promises.orders.length} orders`);
  await load.end();

  const calmBegan = performance.now();
  violations.push(...(await calmsDown(stage, books, load, promises, options)));
  const calmAfterSeconds = (performance.now() - calmBegan) / 1000;
  if (options.provesHalves && violations.length === 0) {
    say('each zone alone');
    violations.push(...(await provesHalves(stage, load)));
    violations.push(...(await calmsDown(stage, books, load, promises, options)));
  }

  violations.push(...promises.brokenBy(await books.statuses()));
  const env = { DATABASE_URL: stage.servers.postgres.url, KAFKA_BROKERS: stage.servers.kafka.url };
  const lostWebhooksFile = join(folder, 'lost-webhooks.txt');
  await writeFile(lostWebhooksFile, [...stage.webhooks.lost].join('\n'));
  const known = { watchedFile: load.watchedFile, lostWebhooksFile };
  const { holds, output: verdict } = await verifyInvariants(env, known);
  if (!holds) violations.push('the invariants do not hold, see above');

  return {
    faults,
    orders: await endsByKind(books, promises),
    refusals: promises.refusals,
    begun: load.begun,
    loadSeconds,
    calmAfterSeconds,
    repeatedEvents: stage.echo.repeated,
    disturbedRequests: disturbed(stage),
    restarts: [...stage.parts.values()].reduce((sum, { starts }) => sum + starts - 1, 0),
    violations,
    verdict,
  };
}

/** Each fault at its time, and what undoes it. Resolves when the last is undone. */
async function strikeAll(
  stage: Stage,
  plan: readonly PlannedFault[],
  { seed, say, signal }: RunOptions,
  incident: (text: string) => void,
): Promise<Map<string, number>> {
  const struck = new Map<string, number>();
  const began = performance.now();
  const until = (atMs: number): Promise<unknown> =>
    sleep(Math.max(0, began + atMs - performance.now()), undefined, { signal }).catch(() => undefined);
  const strike = async ({ number, kind, target, atMs, forMs }: PlannedFault): Promise<void> => {
    const lasts = forMs > 0 ? ` for ${(forMs / 1000).toFixed(1)} s` : '';
    say(`${(atMs / 1000).toFixed(1).padStart(7)} s  #${number} ${kind.name} ${target}${lasts}`);
    try {
      await kind.strike(stage, target, luckOf(seed, 'fault', number));
      struck.set(kind.name, (struck.get(kind.name) ?? 0) + 1);
      await until(atMs + forMs);
      await kind.undo?.(stage, target);
    } catch (error) {
      incident(`fault #${number} ${kind.name} ${target}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  // By target: what is still being undone, later than planned, is not struck again before.
  const struckLast = new Map<string, Promise<void>>();
  for (const fault of plan) {
    await until(fault.atMs);
    if (signal?.aborted) break;
    const before = struckLast.get(fault.target);
    struckLast.set(
      fault.target,
      Promise.resolve(before).then(() => strike(fault)),
    );
  }
  await Promise.all(struckLast.values());
  return struck;
}

/** Waits until every part is ready, every order is over and nothing is owed; says what is not when time is up. */
async function calmsDown(
  stage: Stage,
  books: Books,
  load: Load,
  promises: Promises,
  { calmSeconds, say }: RunOptions,
): Promise<string[]> {
  const end = Date.now() + calmSeconds * 1000;
  let told = '';
  for (;;) {
    const unready = await unreadyParts(stage);
    const rest = await books.underWay();
    const unseen = await load.unseen(promises, books);
    const left = [
      ...(unready.length > 0 ? [`not ready: ${unready.join(', ')}`] : []),
      ...Object.entries(rest).map(([name, count]) => `${name}: ${count}`),
      ...(stage.webhooks.carried > 0 ? [`webhooks with the postman: ${stage.webhooks.carried}`] : []),
      ...(unseen.length > 0 ? [`orders whose end their buyers have not seen: ${unseen.length}`] : []),
    ];
    if (left.length === 0) return [];
    const text = left.join('; ');
    if (text !== told) say(`waiting: ${text}`);
    told = text;
    if (Date.now() > end) {
      return [`not calm ${calmSeconds} s after the load: ${text}`, ...(await books.stuck(10)), ...unseen.slice(0, 10)];
    }
    await sleep(2_000);
  }
}

async function unreadyParts({ parts }: Stage): Promise<string[]> {
  const said = await Promise.all(
    [...parts.values()].map(async (part) => ((await part.saysReady()) ? [] : [part.name])),
  );
  return said.flat();
}

async function endsByKind(books: Books, promises: Promises): Promise<Map<string, Map<string, number>>> {
  const ends = await books.ends();
  const table = new Map<string, Map<string, number>>();
  for (const { orderId, kind } of promises.orders) {
    const end = ends.get(orderId) ?? 'gone';
    const row = table.get(kind) ?? new Map<string, number>();
    table.set(kind, row.set(end, (row.get(end) ?? 0) + 1));
  }
  return table;
}

function disturbed({ companies, webhooks }: Stage): Map<string, number> {
  const all = [
    ...Object.entries(companies).flatMap(([name, { met }]) =>
      [...met].map(([trouble, n]) => [`${trouble} ${name}`, n]),
    ),
    ...[...webhooks.met].map(([trouble, n]) => [`${trouble} webhooks`, n]),
  ] as [string, number][];
  return new Map(all);
}
