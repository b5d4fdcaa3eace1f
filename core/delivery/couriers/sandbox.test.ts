// The sandbox courier's adapter against the sandbox courier.
import { createHmac } from 'node:crypto';
import { Hono } from 'hono';
import type { Kysely } from 'kysely';
import { openTestDatabase } from '../../../tests/database.ts';
import { systemClock } from '../../platform/clock.ts';
import { createPartner } from '../../platform/http/partner.ts';
import { silentLog } from '../../platform/telemetry/log.ts';
import { courierApi } from '../../sandbox/courier/api.ts';
import { type CourierTables, migrations, type Stage } from '../../sandbox/courier/books.ts';
import { advance, find, present } from '../../sandbox/courier/courier.ts';
import { type Company, openWay } from './company.testing.ts';
import { type CourierWorld, courierContract, partnerOptions } from './contract.testing.ts';
import { sandboxCourier } from './sandbox.ts';

const apiKey = 'the key of this test';
const webhookSecret = 'the secret of this test';

async function open(): Promise<CourierWorld> {
  const opened = new AsyncDisposableStack();
  const databases = opened.use(await openTestDatabase());
  const db: Kysely<CourierTables> = await databases.open('sandbox_courier', migrations);
  const app = new Hono();
  const sandbox = { db, clock: systemClock, log: silentLog };
  courierApi(app, sandbox, apiKey);
  const way = opened.use(await openWay(app));
  const written: string[] = [];
  const unknown: string[] = [];
  const company: Company = {
    ...way,
    words: {
      accepted: 'accepted',
      in_transit: 'in_transit',
      at_pickup_point: 'at_pickup_point',
      delivered: 'delivered',
    },
    parcels: () => 1, // its reference is unique in its database
    async says(courierId, status) {
      // Our own courier has no words that we don't know.
      if (status === status.toUpperCase()) unknown.push(status);
      else await advance(sandbox, courierId, status as Stage);
    },
    async webhook(courierId) {
      const shipment = present(await find(db, courierId));
      const body = JSON.stringify({
        id: `evt_${courierId}_${shipment.stage}`,
        type: `shipment.${shipment.stage}`,
        shipment,
      });
      const timestamp = Math.floor(Date.now() / 1_000);
      const signature = createHmac('sha256', webhookSecret).update(`${timestamp}.${body}`).digest('hex');
      return {
        headers: new Headers({ 'x-signature': `t=${timestamp},v1=${signature}` }),
        ...{ query: new URLSearchParams(), body: new TextEncoder().encode(body), now: new Date() },
      };
    },
  };
  return {
    company,
    unknown,
    written,
    courier: sandboxCourier({
      partner: createPartner({ name: 'sandbox', baseUrl: () => way.url, apiKey, ...partnerOptions(written) }),
      webhookSecret,
    }),
    ...{ fromCity: 'moscow', toCity: 'kazan', currency: 'RUB' },
    to: { kind: 'pickup_point', pickupPoint: 'kazan-2' },
    toNowhere: { kind: 'pickup_point', pickupPoint: 'kazan-99' },
    secrets: [apiKey, webhookSecret],
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

courierContract('the sandbox', open);
