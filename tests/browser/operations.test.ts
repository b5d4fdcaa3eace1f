// An order that is stuck, as an operator mends it: in real Chromium on the whole system, without script on a phone.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Order } from '../../contracts/orders.ts';
import { derivedSecret } from '../../core/platform/secrets.ts';
import { Client } from '../system/client.ts';
import { startLotok, type TestLotok } from '../system/lotok.ts';
import { until } from '../until.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const missing = !existsSync(executablePath);
const sandboxSecret = 'a secret of this test only';

describe.skipIf(missing && process.env['CI'] !== 'true')(
  `operations in Chromium${missing ? ` (there is none at ${executablePath})` : ''}`,
  () => {
    let lotok: TestLotok;
    let browser: Browser;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
      lotok = await startLotok({
        SANDBOX_SECRET: sandboxSecret,
        LOG_LEVEL: 'silent',
        TRACE_URL: 'https://jaeger.example/trace/{trace_id}',
      });
    }, 240_000);
    afterAll(async () => {
      await browser?.close();
      await lotok?.[Symbol.asyncDispose]();
    });

    async function buys(): Promise<{ buyer: Client; order: Order }> {
      const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
      const [ad] = await buyer.adsForSale();
      if (!ad) throw new Error('nothing is for sale');
      return { buyer, order: await buyer.orders(ad) };
    }

    /** Completed, but the provider will not pay the seller: it has another payout under the same name. */
    async function orderWithoutPayout(): Promise<Order> {
      const { buyer, order } = await buys();
      const { status } = await new Client(lotok.url).post(
        '/sandbox/psp/v1/payouts',
        { reference: order.payment.id, destination: 'somebody', amount: { amount: 100, currency: 'RUB' } },
        {
          authorization: `Bearer ${derivedSecret(sandboxSecret, 'psp-api-key')}`,
          'idempotency-key': `blocks-${order.payment.id}`,
        },
      );
      expect(status).toBe(200);
      await buyer.pays(order);
      const shipped = await until('there is a shipment', async () => {
        const now = await buyer.order(order.id);
        return now.delivery.shipment_id ? now : null;
      });
      await buyer.parcelIs(shipped, 'delivered');
      await until('it is delivered', async () => (await buyer.order(order.id)).status === 'delivered');
      expect((await buyer.post(`/v1/orders/${order.id}/accept`)).status).toBe(200);
      return order;
    }

    it('lead from the list to the story of a stuck order, and let it be retried and skipped', async () => {
      const order = await orderWithoutPayout();
      const operator = await Client.signIn(lotok.url, 'operator@demo.lotok');
      await until('it waits for a person', async () => {
        const { body } = await operator.get<{ needs_attention: number }>('/v1/operations/counts');
        return body.needs_attention === 1;
      });

      const context = await browser.newContext({
        javaScriptEnabled: false,
        locale: 'en-GB',
        viewport: { width: 390, height: 844 },
        baseURL: lotok.url,
      });
      const page = await context.newPage();
      await page.goto('/sign-in?return=/operations');
      await page.getByRole('button', { name: /operator@demo\.lotok/ }).click();
      await page.getByRole('link', { name: /pay the seller: The provider refused the payout/ }).click();
      const main = page.getByRole('main');
      for (const part of [
        'The provider told: authorized',
        'Order paid',
        'The courier told: Handed over',
        'Booked: earned',
        'Mail sent: Seller, Sale completed',
        'Try 1 failed: pay the seller',
      ])
        await main.getByText(part, { exact: true }).first().waitFor();
      expect(
        await main
          .getByRole('link', { name: /^trace / })
          .first()
          .getAttribute('href'),
      ).toMatch(/^https:\/\/jaeger\.example\/trace\/[0-9a-f]{32}$/);

      await page.getByLabel('Why').fill('The bank says that it was not paid');
      await page.getByRole('button', { name: 'Retry' }).click();
      await main.getByText('The decision is written down').waitFor();
      await until('it was tried again', async () => {
        await page.reload();
        return main.getByText('Try 2 failed: pay the seller').isVisible();
      });
      expect(await main.getByText('“The bank says that it was not paid”').isVisible()).toBe(true);

      await page.getByLabel('Why').fill('Paid by hand');
      await page.getByRole('button', { name: 'Skip' }).click();
      await main.getByText('Skipped: pay the seller').waitFor();
      expect(await page.getByText('A person is needed').count()).toBe(0);
      // The order is over, so there is no way back to offer.
      expect(await page.getByText('Cancel the order and return the money').count()).toBe(0);

      await page.goto('/operations');
      await page.getByText('Nobody waits').waitFor();
      await page.getByLabel('Find an order').fill(order.id.slice(-8));
      await page.getByRole('button', { name: 'Find' }).click();
      await page.waitForURL(`**/operations/orders/${order.id}`);
      await context.close();
    }, 60_000);

    it('fit on a phone, and say nothing in the console', async () => {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, baseURL: lotok.url });
      const page = await context.newPage();
      const problems: string[] = [];
      const { order } = await buys();
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => void (message.type() === 'error' && problems.push(message.text())));
      await page.goto('/sign-in?return=/operations%3Fview=all');
      await page.getByRole('button', { name: /operator@demo\.lotok/ }).click();
      await page.waitForURL('**/operations?view=all');
      for (const path of ['/operations?view=all', `/operations/orders/${order.id}`]) {
        await page.goto(path);
        expect(await page.evaluate('document.scrollingElement.scrollWidth - innerWidth'), path).toBeLessThanOrEqual(0);
      }
      expect(problems).toEqual([]);
      await context.close();
    }, 60_000);
  },
);
