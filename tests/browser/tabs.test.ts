// Several tabs of one person, in real Chromium on the whole system: they share one connection, whoever of them closes.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../system/client.ts';
import { startLotok, type TestLotok } from '../system/lotok.ts';
import { until } from '../until.ts';
import { listenOn } from './live-page.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const missing = !existsSync(executablePath);

describe.skipIf(missing && process.env['CI'] !== 'true')(
  `tabs in Chromium${missing ? ` (there is none at ${executablePath})` : ''}`,
  () => {
    let lotok: TestLotok;
    let browser: Browser;
    let context: BrowserContext;

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
      lotok = await startLotok();
    }, 240_000);
    afterAll(async () => {
      await browser?.close();
      await lotok?.[Symbol.asyncDispose]();
    });

    const streams = async (): Promise<number> => {
      const text = await (await fetch(`${lotok.url}/metrics`)).text();
      return Number(/streams_open\{what="streams"\} (\d+)/.exec(text)?.[1] ?? Number.NaN);
    };
    const openTab = async (path = '/'): Promise<{ page: Page; statuses: () => Promise<unknown[]> }> => {
      const page = await context.newPage();
      await page.goto(path);
      const heard = await listenOn(page, ['order.status']);
      return { page, statuses: async () => (await heard()).map(({ data }) => data['status']) };
    };

    it('share one connection, and go on without loss when the one that leads is closed', async () => {
      context = await browser.newContext({ locale: 'en-GB', baseURL: lotok.url });
      context.setDefaultTimeout(20_000);
      const first = await context.newPage();
      await first.goto('/sign-in');
      await first
        .getByRole('button', { name: /^Buyer/ })
        .first()
        .click();
      await first.waitForURL((url) => url.pathname === '/');
      await first.close();

      const leader = await openTab();
      const second = await openTab();
      const third = await openTab('/my/profile');
      const tabs = [leader, second, third];
      await until('one stream is open', async () => (await streams()) === 1);

      const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
      const [ad, other] = await buyer.adsForSale();
      if (!ad || !other) throw new Error('there is nothing for sale');
      const order = await buyer.orders(ad);
      for (const { statuses } of tabs)
        await until('each tab hears of the order', async () => (await statuses()).includes('pending_payment'));
      expect(await streams()).toBe(1);

      // The tab that leads goes, and news comes while nobody is connected.
      await leader.page.close();
      await buyer.post(`/v1/orders/${order.id}/cancel`);
      const rest = [second, third];
      for (const { statuses } of rest)
        await until('each tab hears the end', async () => (await statuses()).includes('cancelled'));
      for (const { statuses } of rest) expect(await statuses()).toEqual(['pending_payment', 'cancelling', 'cancelled']);
      await until('one stream is open', async () => (await streams()) === 1);

      // A tab that crashes says nothing either; here it is the one that leads now.
      const browserSession = await context.newCDPSession(second.page);
      void browserSession.send('Page.crash').catch(() => undefined);
      await buyer.orders(other);
      await until('the last tab hears of the next order', async () => (await third.statuses()).length === 4);
      await until('one stream is open', async () => (await streams()) === 1);
    }, 120_000);
  },
);
