// Which processes there are, and which links between them. Names are what faults strike.
import { type ServiceName, services } from '../../contracts/route.ts';
import { servesRpc } from '../../core/platform/rpc/services.ts';

export const topologies = ['whole', 'split'] as const;
export type Topology = (typeof topologies)[number];

/** As in a data centre: what is in one zone shares its ways to PostgreSQL, Kafka and Redis. */
export const zones = ['a', 'b'] as const;
export type Zone = (typeof zones)[number];

export interface ProcessPlan {
  readonly name: string;
  readonly part: 'core' | 'realtime' | 'edge';
  readonly zone: Zone;
  /** Of core: what runs in it. */
  readonly services: readonly ServiceName[];
}

/** Core's processes of one kind, two of each: they share the work. */
export interface CoreGroup {
  readonly name: string;
  readonly services: readonly ServiceName[];
}

export interface Layout {
  readonly groups: readonly CoreGroup[];
  readonly processes: readonly ProcessPlan[];
  readonly links: LinkNames;
}

/** By what is behind them. */
export interface LinkNames {
  readonly postgres: readonly string[];
  readonly kafka: readonly string[];
  readonly redis: readonly string[];
  /** From edges to core's REST, with both processes of a group behind each. */
  readonly rest: readonly string[];
  /** From core's processes to one another, one for each service of each process. */
  readonly rpc: readonly string[];
  readonly realtime: readonly string[];
  /** From clients to edges. */
  readonly edge: readonly string[];
}

const groups: Readonly<Record<Topology, readonly CoreGroup[]>> = {
  whole: [{ name: 'core', services }],
  split: [
    { name: 'orders', services: ['orders'] },
    { name: 'payments', services: ['payments'] },
    { name: 'delivery', services: ['delivery'] },
    { name: 'notifications', services: ['notifications'] },
    { name: 'ads', services: ['ads', 'search', 'media'] },
    { name: 'users', services: ['users', 'reports', 'chat'] },
  ],
};

export const restLink = (group: string): string => `rest-${group}`;
export const rpcLink = (process: string, service: ServiceName): string => `rpc-${process}-${service}`;
export const zoneLink = (server: 'postgres' | 'kafka' | 'redis', zone: Zone): string => `${server}-${zone}`;

export function layoutOf(topology: Topology): Layout {
  const pair = (name: string, part: ProcessPlan['part'], inIt: readonly ServiceName[] = []): ProcessPlan[] =>
    zones.map((zone, index) => ({ name: `${name}-${index + 1}`, part, zone, services: inIt }));
  const processes = [
    ...groups[topology].flatMap((group) => pair(group.name, 'core', group.services)),
    ...pair('realtime', 'realtime'),
    ...pair('edge', 'edge'),
  ];
  const named = (part: ProcessPlan['part']): string[] =>
    processes.filter((each) => each.part === part).map(({ name }) => name);
  return {
    groups: groups[topology],
    processes,
    links: {
      postgres: zones.map((zone) => zoneLink('postgres', zone)),
      kafka: zones.map((zone) => zoneLink('kafka', zone)),
      redis: zones.map((zone) => zoneLink('redis', zone)),
      rest: groups[topology].map(({ name }) => restLink(name)),
      rpc: processes.flatMap(({ name, services: inIt }) =>
        inIt.filter(servesRpc).map((service) => rpcLink(name, service)),
      ),
      realtime: named('realtime'),
      edge: named('edge'),
    },
  };
}

/** Processes that run the service. */
export const processesOf = ({ processes }: Layout, service: ServiceName): ProcessPlan[] =>
  processes.filter(({ services: inIt }) => inIt.includes(service));

export const membersOf = ({ processes }: Layout, group: CoreGroup): ProcessPlan[] =>
  processes.filter(({ name, part }) => part === 'core' && name.startsWith(`${group.name}-`));

export function groupOf({ groups: all }: Layout, service: ServiceName): CoreGroup {
  const group = all.find(({ services: inIt }) => inIt.includes(service));
  if (!group) throw new Error(`nobody runs ${service}`);
  return group;
}
