// The faults as data: what each is called, how often it comes, what it strikes, how it begins and how it ends.
import { realtimeTopic } from '../../contracts/events.ts';
import { type Layout, membersOf } from './layout.ts';
import { between, type Chance } from './luck.ts';
import { apiTroubles, webhookTroubles } from './partners.ts';
import type { Stage } from './stage.ts';

export interface FaultKind {
  readonly name: string;
  /** How many times in each round through all kinds. */
  readonly weight: number;
  /** One group is chosen, then one of it: each group is struck as often as the others. */
  readonly targets: (layout: Layout) => readonly (readonly string[])[];
  /** How long it lasts; what happens in a moment has none. */
  readonly seconds: readonly [least: number, most: number];
  /** Until what was struck works again, about; so long it counts as one of those that are under way. */
  readonly recoverySeconds: number;
  strike(stage: Stage, target: string, luck: Chance): Promise<void> | void;
  /** Afterwards everything is as before, or becomes so by itself. */
  undo?(stage: Stage, target: string): Promise<void> | void;
}

const processes = (layout: Layout): string[][] => {
  const named = (part: string): string[] =>
    layout.processes.filter((each) => each.part === part).map(({ name }) => name);
  const core = layout.groups.map((group) => membersOf(layout, group).map(({ name }) => name));
  // Where core is one group it has the most to lose.
  return [...core, ...(core.length === 1 ? core : []), named('realtime'), named('edge')];
};
const links = ({ links: all }: Layout): (readonly string[])[] => Object.values(all);
const servers = (): string[][] => [['postgres'], ['kafka'], ['redis']];
const companies = (): string[][] => [['psp'], ['courier']];

const part = (stage: Stage, name: string) => found(stage.parts, name);
const link = (stage: Stage, name: string) => found(stage.links, name);
const server = (stage: Stage, name: string) => stage.servers[name as keyof Stage['servers']];
const company = (stage: Stage, name: string) => stage.companies[name as keyof Stage['companies']];

export const faultKinds: readonly FaultKind[] = [
  {
    name: 'kill',
    weight: 6,
    targets: processes,
    seconds: [0, 0],
    recoverySeconds: 6,
    strike: (stage, target, luck) => part(stage, target).kill(between(luck, 0, 4_000)),
  },
  {
    name: 'terminate',
    weight: 2,
    targets: processes,
    seconds: [0, 0],
    recoverySeconds: 8,
    strike: (stage, target, luck) => part(stage, target).terminate(between(luck, 0, 2_000)),
  },
  {
    // Leases last ten to twenty seconds, sessions of consumers ten.
    name: 'freeze',
    weight: 5,
    targets: processes,
    seconds: [2, 25],
    recoverySeconds: 2,
    strike: (stage, target) => part(stage, target).freeze(),
    undo: (stage, target) => part(stage, target).thaw(),
  },
  {
    name: 'kill server',
    weight: 3,
    targets: servers,
    seconds: [0, 4],
    recoverySeconds: 8,
    strike: (stage, target) => server(stage, target).kill(),
    undo: (stage, target) => server(stage, target).start(),
  },
  {
    name: 'restart server',
    weight: 2,
    targets: servers,
    seconds: [0, 2],
    recoverySeconds: 8,
    strike: (stage, target) => server(stage, target).stop(),
    undo: (stage, target) => server(stage, target).start(),
  },
  {
    name: 'freeze server',
    weight: 2,
    targets: servers,
    seconds: [1, 14],
    recoverySeconds: 2,
    strike: (stage, target) => server(stage, target).freeze(),
    undo: (stage, target) => server(stage, target).thaw(),
  },
  {
    name: 'lose data',
    weight: 1,
    targets: () => [['redis']],
    seconds: [0, 3],
    recoverySeconds: 2,
    async strike(stage, target) {
      await server(stage, target).kill();
      await server(stage, target).loseData();
      // Which live messages were shown is lost too, and clients are told so; that old ones come again after that is
      // more than is promised (docs/decisions/2026-11-25-repeats-are-known-by-id.md).
      stage.echo.forget(realtimeTopic);
    },
    undo: (stage, target) => server(stage, target).start(),
  },
  {
    name: 'cut',
    weight: 4,
    targets: links,
    seconds: [0, 0],
    recoverySeconds: 1,
    strike: (stage, target) => link(stage, target).cut(),
  },
  {
    name: 'refuse',
    weight: 3,
    targets: links,
    seconds: [1, 10],
    recoverySeconds: 2,
    strike: (stage, target) => link(stage, target).refuse(),
    undo: (stage, target) => link(stage, target).mend(),
  },
  {
    name: 'stall',
    weight: 4,
    targets: links,
    seconds: [2, 15],
    recoverySeconds: 2,
    strike: (stage, target) => link(stage, target).stall(),
    undo: (stage, target) => link(stage, target).mend(),
  },
  {
    name: 'slow',
    weight: 3,
    targets: links,
    seconds: [4, 15],
    recoverySeconds: 0,
    strike: (stage, target, luck) => link(stage, target).slow(between(luck, 20, 300), between(luck, 20_000, 400_000)),
    undo: (stage, target) => link(stage, target).mend(),
  },
  {
    // Nothing undoes it: those who were connected have to notice by themselves.
    name: 'half open',
    weight: 3,
    targets: links,
    seconds: [0, 0],
    recoverySeconds: 10,
    strike: (stage, target) => link(stage, target).halfOpen(),
  },
  ...apiTroubles.map(
    (trouble): FaultKind => ({
      name: `${trouble} company`,
      weight: 1,
      targets: companies,
      seconds: [4, 14],
      recoverySeconds: 1,
      strike: (stage, target) => company(stage, target).begin(trouble),
      undo: (stage, target) => company(stage, target).end(),
    }),
  ),
  ...webhookTroubles.map(
    (trouble): FaultKind => ({
      name: `${trouble} webhooks`,
      weight: 2,
      targets: () => [['webhooks']],
      seconds: [4, 14],
      recoverySeconds: 1,
      strike: (stage) => stage.webhooks.begin(trouble),
      undo: (stage) => stage.webhooks.end(),
    }),
  ),
  {
    name: 'repeated events',
    weight: 3,
    targets: () => [['topics']],
    seconds: [5, 15],
    recoverySeconds: 0,
    strike: (stage) => stage.echo.begin(),
    undo: (stage) => stage.echo.end(),
  },
];

function found<Value>(all: ReadonlyMap<string, Value>, name: string): Value {
  const value = all.get(name);
  if (value === undefined) throw new Error(`there is no ${name}`);
  return value;
}
