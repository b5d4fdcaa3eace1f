// The couriers that the configuration names, in its order.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { CourierName } from '../../platform/config.ts';
import { createPartner, type PartnerOptions } from '../../platform/http/partner.ts';
import { derivedSecret, folderSecret } from '../../platform/secrets.ts';
import type { ServiceContext } from '../../platform/service.ts';
import type { DeliveryTables } from '../store.ts';
import { cdek } from './cdek.ts';
import { cdekAuthorization } from './cdek-api.ts';
import type { Courier } from './courier.ts';
import { easyPost, Places } from './easypost.ts';
import { sandboxCourier } from './sandbox.ts';

type Context = Pick<ServiceContext<DeliveryTables>, 'config' | 'selfUrl' | 'clock' | 'log' | 'metrics'>;

export async function connectCouriers(context: Context): Promise<ReadonlyMap<string, Courier>> {
  const { config, log } = context;
  const couriers = new Map<string, Courier>();
  for (const name of config.couriers) couriers.set(name, await connect[name](context));
  if (couriers.size === 0) log.warn('delivery.no_courier');
  return couriers;
}

const connect: Readonly<Record<CourierName, (context: Context) => Promise<Courier>>> = {
  async sandbox({ config, selfUrl, log, metrics }) {
    const secret = config.sandboxSecret ?? (await folderSecret(config.dataFolder, 'sandbox'));
    const partner = createPartner({
      name: 'sandbox_courier',
      baseUrl: () => config.sandboxCourierUrl ?? selfUrl(),
      apiKey: derivedSecret(secret, 'courier-api-key'),
      log,
      metrics,
    });
    return sandboxCourier({ partner, webhookSecret: derivedSecret(secret, 'courier-webhook-secret') });
  },

  async cdek(context) {
    const { account, password, url, webhookToken, tariffs } = configured('cdek', context.config.cdek);
    const common = { name: 'cdek', baseUrl: () => url, ...telling(context), timeoutMs: slowMs };
    const tokens = createPartner({ ...common, apiKey: { header: async () => null } });
    const apiKey = cdekAuthorization({ partner: tokens, account, password, now: () => context.clock.now().getTime() });
    return cdek({
      ...common,
      partner: createPartner({ ...common, apiKey }),
      webhookToken,
      tariffs,
      parcel: context.config.parcel,
      now: () => context.clock.now(),
      sleep,
      unknownStatus: unknownStatus(context, 'cdek'),
    });
  },

  async easypost(context) {
    const { apiKey, url, webhookSecret, placesFile } = configured('easypost', context.config.easypost);
    const common = { name: 'easypost', ...telling(context), timeoutMs: slowMs };
    // The key is the user's name, and there is no password.
    const basic = `Basic ${Buffer.from(`${apiKey}:`).toString('base64')}`;
    return easyPost({
      partner: createPartner({ ...common, baseUrl: () => url, apiKey: { header: async () => basic } }),
      files: createPartner({ ...common, baseUrl: () => url, apiKey: { header: async () => null } }),
      filesMayComeFrom: ({ protocol, origin, hostname }) =>
        origin === new URL(url).origin || (protocol === 'https:' && /(^|\.)(amazonaws|easypost)\.com$/.test(hostname)),
      webhookSecret,
      places: await readPlaces(placesFile),
      parcel: context.config.parcel,
      now: () => context.clock.now(),
      unknownStatus: unknownStatus(context, 'easypost'),
    });
  },
};

/** They ask others themselves. */
const slowMs = 8_000;

const telling = ({ log, metrics }: Context): Pick<PartnerOptions, 'log' | 'metrics'> => ({ log, metrics });

/** It changes nothing; operators see that a table of ours is behind. */
const unknownStatus =
  ({ log, metrics }: Context, courier: string) =>
  (status: string): void => {
    metrics.courierUnknownStatuses.inc({ courier });
    log.warn('courier.unknown_status', { courier, status });
  };

function configured<Settings>(courier: CourierName, settings: Settings | undefined): Settings {
  if (settings === undefined) throw new Error(`configuration: COURIERS names ${courier}, which has no settings`);
  return settings;
}

async function readPlaces(file: string): Promise<z.output<typeof Places>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new Error(`configuration: EASYPOST_PLACES_FILE can't be read: ${file}`, { cause: error });
  }
  const places = Places.safeParse(json);
  if (places.success) return places.data;
  throw new Error(`configuration: EASYPOST_PLACES_FILE: ${z.prettifyError(places.error)}`);
}
