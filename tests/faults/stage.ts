// The stage: servers of our own, links between everything, and the parts as processes, two of each.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceName } from '../../contracts/route.ts';
import { providePrograms } from '../../scripts/services/packages.ts';
import { Echo } from './echo.ts';
import { environments, type Timeouts } from './environment.ts';
import { type Layout, layoutOf, type ProcessPlan, processesOf, type Topology } from './layout.ts';
import type { Link } from './link.ts';
import { luckOf } from './luck.ts';
import { Part } from './part.ts';
import { CompanyGateway, WebhookGateway } from './partners.ts';
import { neededPrograms, Server } from './server.ts';
import { openWiring } from './wiring.ts';

export interface StageOptions {
  /** Data, logs and what watchers saw. */
  readonly folder: string;
  readonly seed: number;
  readonly topology: Topology;
  readonly timeouts: Timeouts;
  readonly onIncident: (text: string) => void;
}

export interface Stage extends AsyncDisposable {
  readonly layout: Layout;
  readonly servers: Readonly<Record<'postgres' | 'kafka' | 'redis', Server>>;
  readonly parts: ReadonlyMap<string, Part>;
  readonly links: ReadonlyMap<string, Link>;
  readonly companies: Readonly<Record<'psp' | 'courier', CompanyGateway>>;
  readonly webhooks: WebhookGateway;
  readonly echo: Echo;
  /** Where clients reach the edges. */
  readonly edges: readonly string[];
}

const scripts = { core: 'core/main.ts', realtime: 'realtime/main.ts', edge: 'edge/node.ts' } as const;

export async function openStage({ folder, seed, topology, timeouts, onIncident }: StageOptions): Promise<Stage> {
  const opened = new AsyncDisposableStack();
  try {
    const logs = join(folder, 'logs');
    await mkdir(logs, { recursive: true });
    const layout = layoutOf(topology);
    const wiring = opened.use(await openWiring(layout));

    const programs = providePrograms(neededPrograms);
    const server = (name: 'postgres' | 'kafka' | 'redis'): Server => {
      const place = { folder, port: wiring.serverPorts[name] };
      return opened.use(new Server(name, programs, { ...place, proxied: wiring.kafkaWaysIn }));
    };
    const servers = { postgres: server('postgres'), kafka: server('kafka'), redis: server('redis') };
    await Promise.all(Object.values(servers).map((each) => each.start()));

    const direct = (service: ServiceName): string[] =>
      processesOf(layout, service).map(({ name }) => `http://127.0.0.1:${wiring.httpPort(name)}`);
    const company = async (name: string, service: ServiceName): Promise<CompanyGateway> =>
      opened.use(await new CompanyGateway(() => direct(service), luckOf(seed, name)).listen());
    const companies = { psp: await company('psp', 'payments'), courier: await company('courier', 'delivery') };
    const hears = (path: string): string[] => direct(path.startsWith('/v1/payments/') ? 'payments' : 'delivery');
    const webhooks = opened.use(await new WebhookGateway(hears, luckOf(seed, 'webhooks')).listen());

    const environmentOf = environments({
      folder,
      layout,
      wiring,
      timeouts,
      databaseUrl: servers.postgres.url,
      pspUrl: companies.psp.url,
      courierUrl: companies.courier.url,
      webhookUrl: webhooks.url,
    });
    const parts = new Map<string, Part>();
    opened.defer(async () => {
      await Promise.all([...parts.values()].map((part) => part[Symbol.asyncDispose]()));
    });
    const start = async (plan: ProcessPlan): Promise<void> => {
      const { name, part, services } = plan;
      const running = new Part({
        name,
        command: [scripts[part], ...(part === 'core' ? ['--services', services.join(',')] : [])],
        env: environmentOf(plan),
        port: wiring.httpPort(name),
        logFile: join(logs, `${name}.log`),
        onIncident,
      });
      parts.set(name, running);
      await running.ready();
    };
    // The first of each kind makes schemas and demo data; the second finds them there.
    const inZone = (zone: string): ProcessPlan[] => layout.processes.filter((plan) => plan.zone === zone);
    const core = ({ part }: ProcessPlan): boolean => part === 'core';
    await Promise.all(inZone('a').filter(core).map(start));
    await Promise.all([...inZone('a').filter((plan) => !core(plan)), ...inZone('b')].map(start));

    return {
      layout,
      servers,
      parts,
      links: wiring.links,
      companies,
      webhooks,
      echo: opened.use(await Echo.open(servers.kafka.url, luckOf(seed, 'echo'))),
      edges: layout.links.edge.map((name) => `http://127.0.0.1:${wiring.linkPort(name)}`),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
