import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Order } from '../../contracts/orders.ts';
import { freePort } from '../../scripts/free-port.ts';
import { until } from '../until.ts';
import { Client } from './client.ts';
import { type Part, startPart } from './processes.ts';

describe('a process that is killed', () => {
  let folder: string;
  let lotok: Part;
  let env: Record<string, string>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lotok-crash-'));
    env = { LOTOK_DATA: folder, PORT: String(await freePort()), SANDBOX_STEP_MS: '100' };
    lotok = await startPart('everything', env);
  }, 120_000);
  afterAll(async () => {
    await lotok?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('carries every order to its end after each restart, and charges none twice', { timeout: 300_000 }, async () => {
    const paid: Order[] = [];
    for (const pauseMs of [0, 200]) {
      const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
      const ads = await buyer.adsForSale();
      // Some are paid when it happens, one is between the provider and us, one was declined.
      for (const ad of ads.slice(0, 3)) {
        const order = await buyer.orders(ad);
        await buyer.pays(order);
        paid.push(order);
      }
      const declined = ads[3] && (await buyer.orders(ads[3]));
      if (declined) await buyer.pays(declined, 'decline');
      await new Promise((resolve) => setTimeout(resolve, pauseMs)); // the moment of the crash
      await lotok.kill();
      lotok = await startPart('everything', env);
      const again = await Client.signIn(lotok.url, 'buyer@demo.lotok');
      for (const order of paid) {
        await until(
          `${order.id} is delivered`,
          async () => ['delivered', 'completed'].includes((await again.order(order.id)).status),
          { timeoutMs: 90_000, everyMs: 100 },
        );
      }
      if (declined)
        await until(
          'the declined one is cancelled',
          async () => (await again.order(declined.id)).status === 'cancelled',
          { timeoutMs: 90_000, everyMs: 100 },
        );
    }
    const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
    for (const order of paid) {
      const { timeline, payment } = await buyer.order(order.id);
      expect(timeline.filter((entry) => entry.kind === 'order').map((entry) => entry.status)).toEqual([
        'pending_payment',
        'paid',
        'in_delivery',
        'delivered',
      ]);
      expect(timeline.filter((entry) => entry.kind === 'payment').map((entry) => entry.status)).toEqual([
        'in_progress',
        'authorized',
        'captured',
      ]);
      expect(payment.status).toBe('captured');
    }
  });
});
