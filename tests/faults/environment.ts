// What each process is told by its environment: where everything is, always through a link.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ServiceName } from '../../contracts/route.ts';
import { rpcServices } from '../../core/platform/rpc/services.ts';
import { groupOf, type Layout, type ProcessPlan, processesOf, restLink, rpcLink, zoneLink } from './layout.ts';
import type { Wiring } from './wiring.ts';

/** How long orders wait: for their payment, for the courier and for the parcel, and for their buyer's word. */
export interface Timeouts {
  readonly paymentSeconds: number;
  readonly deliverySeconds: number;
  readonly acceptSeconds: number;
}

export interface EnvironmentOptions {
  readonly folder: string;
  readonly layout: Layout;
  readonly wiring: Wiring;
  readonly timeouts: Timeouts;
  /** Of PostgreSQL itself. */
  readonly databaseUrl: string;
  readonly pspUrl: string;
  readonly courierUrl: string;
  readonly webhookUrl: string;
}

export type Environment = Readonly<Record<string, string>>;

const parcelStepMs = 2_500;
/** Longer than any run: signing in again is not what is tried here. */
const tokenSeconds = 24 * 3_600;

export function environments(options: EnvironmentOptions): (plan: ProcessPlan) => Environment {
  const { folder, layout, wiring, timeouts } = options;
  const url = (link: string): string => `http://127.0.0.1:${wiring.linkPort(link)}`;
  const restOf = (service: ServiceName): string => url(restLink(groupOf(layout, service).name));
  const secret = randomBytes(24).toString('base64url');

  const common = ({ zone }: ProcessPlan): Environment => {
    const database = new URL(options.databaseUrl);
    database.port = String(wiring.linkPort(zoneLink('postgres', zone)));
    return {
      LOTOK_DATA: join(folder, 'data'),
      LOG_LEVEL: 'info',
      SANDBOX: '1',
      DATABASE_URL: database.href,
      KAFKA_BROKERS: `127.0.0.1:${wiring.linkPort(zoneLink('kafka', zone))}`,
      REDIS_URL: `redis://127.0.0.1:${wiring.linkPort(zoneLink('redis', zone))}`,
      REALTIME_TOKEN: secret,
      TICKET_SECRET: secret,
      JWKS_URL: `${restOf('users')}/.well-known/jwks.json`,
    };
  };

  const own: Readonly<Record<ProcessPlan['part'], (plan: ProcessPlan) => Environment>> = {
    core: ({ name }) => ({
      GRPC_PORT: String(wiring.rpcPort(name)),
      PUBLIC_URL: url('edge-1'),
      ACCESS_TOKEN_SECONDS: String(tokenSeconds),
      PAYMENT_TIMEOUT_SECONDS: String(timeouts.paymentSeconds),
      DELIVERY_TIMEOUT_SECONDS: String(timeouts.deliverySeconds),
      ACCEPT_TIMEOUT_SECONDS: String(timeouts.acceptSeconds),
      SANDBOX_STEP_MS: String(parcelStepMs),
      SANDBOX_PSP_URL: options.pspUrl,
      SANDBOX_COURIER_URL: options.courierUrl,
      SANDBOX_WEBHOOK_URL: options.webhookUrl,
      ...Object.fromEntries(rpcServices.map((service) => [`${service.toUpperCase()}_ADDR`, rpcAddresses(service)])),
    }),
    realtime: () => ({ HISTORY_COUNT: '2000' }),
    edge: () => ({
      CORE_URL: restOf('orders'),
      REALTIME_URL: layout.links.realtime.map(url).join(','),
      ...Object.fromEntries(
        layout.groups.flatMap(({ services }) =>
          services.map((service) => [`${service.toUpperCase()}_URL`, restOf(service)]),
        ),
      ),
    }),
  };
  const rpcAddresses = (service: ServiceName): string =>
    processesOf(layout, service)
      .map(({ name }) => `127.0.0.1:${wiring.linkPort(rpcLink(name, service))}`)
      .join(',');

  return (plan) => ({ ...common(plan), ...own[plan.part](plan) });
}
