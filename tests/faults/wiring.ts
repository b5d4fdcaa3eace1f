// The wiring: which port is whose, and a link wherever one process speaks to another or to a server.
import { rpcPortOf, rpcServices, servesRpc } from '../../core/platform/rpc/services.ts';
import { freePort } from '../../scripts/free-port.ts';
import type { KafkaPlace } from '../../scripts/services/kafka.ts';
import { type Layout, membersOf, restLink, rpcLink, zoneLink, zones } from './layout.ts';
import { Link } from './link.ts';
import type { ServerName } from './server.ts';

export interface Wiring extends AsyncDisposable {
  readonly links: ReadonlyMap<string, Link>;
  readonly serverPorts: Readonly<Record<ServerName, number>>;
  /** Kafka tells clients where to go on, so each zone has a way in of its own. */
  readonly kafkaWaysIn: NonNullable<KafkaPlace['proxied']>;
  /** Where a process itself listens. */
  httpPort(process: string): number;
  rpcPort(process: string): number;
  linkPort(name: string): number;
}

export async function openWiring(layout: Layout): Promise<Wiring> {
  const opened = new AsyncDisposableStack();
  try {
    const links = new Map<string, Link>();
    const connect = async (name: string, ...targets: number[]): Promise<Link> => {
      const link = opened.use(await Link.open({ name, targets }));
      links.set(name, link);
      return link;
    };

    const serverPorts = { postgres: await freePort(), kafka: await freePort(), redis: await freePort() };
    const kafkaWaysIn: { port: number; advertisedPort: number }[] = [];
    for (const zone of zones) {
      await connect(zoneLink('postgres', zone), serverPorts.postgres);
      await connect(zoneLink('redis', zone), serverPorts.redis);
      const port = await freePort();
      kafkaWaysIn.push({ port, advertisedPort: (await connect(zoneLink('kafka', zone), port)).port });
    }

    const ports = new Map<string, { readonly http: number; readonly rpc: number }>();
    for (const { name } of layout.processes) ports.set(name, { http: await freePort(), rpc: await freeRpcPorts() });
    const portsOf = (process: string) => {
      const found = ports.get(process);
      if (!found) throw new Error(`there is no process ${process}`);
      return found;
    };
    for (const group of layout.groups) {
      await connect(restLink(group.name), ...membersOf(layout, group).map(({ name }) => portsOf(name).http));
    }
    for (const { name, part, services } of layout.processes) {
      for (const service of services.filter(servesRpc)) {
        await connect(rpcLink(name, service), rpcPortOf(service, portsOf(name).rpc));
      }
      if (part !== 'core') await connect(name, portsOf(name).http);
    }
    return {
      links,
      serverPorts,
      kafkaWaysIn,
      httpPort: (process) => portsOf(process).http,
      rpcPort: (process) => portsOf(process).rpc,
      linkPort(name) {
        const link = links.get(name);
        if (!link) throw new Error(`there is no link ${name}`);
        return link.port;
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** The first of as many neighbouring ports as there are services with gRPC. */
async function freeRpcPorts(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = await freePort();
    const others = rpcServices.slice(1).map((_, index) => first + index + 1);
    const free = await Promise.all(others.map(async (port) => (await freePort(port)) === port));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free ports for gRPC');
}
