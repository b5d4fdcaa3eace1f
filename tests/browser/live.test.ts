// What arrives on open pages by itself, in real Chromium on the whole system.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ad } from '../../contracts/ads.ts';
import { Client } from '../system/client.ts';
import { startLotok, type TestLotok } from '../system/lotok.ts';
import { until } from '../until.ts';
import { listenOn } from './live-page.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const missing = !existsSync(executablePath);

describe.skipIf(missing && process.env['CI'] !== 'true')(
  `open pages in Chromium${missing ? ` (there is none at ${executablePath})` : ''}`,
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

    /** Somebody at a phone, signed in. */
    const signedIn = async (name: RegExp): Promise<BrowserContext> => {
      const phone = await browser.newContext({
        locale: 'en-GB',
        baseURL: lotok.url,
        viewport: { width: 390, height: 844 },
      });
      phone.setDefaultTimeout(20_000);
      const page = await phone.newPage();
      await page.goto('/sign-in');
      await page.getByRole('button', { name }).first().click();
      await page.waitForURL((url) => url.pathname === '/');
      await page.close();
      return phone;
    };

    it('share one connection in several tabs, and go on without loss when the one that leads is closed', async () => {
      context = await signedIn(/^Buyer/);
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
      await context.close();
    }, 120_000);

    it('show a new price, a new ad in a category and one for a saved search', async () => {
      const buyers = await signedIn(/^Buyer/);
      const seller = await Client.signIn(lotok.url, 'seller@demo.lotok');
      const publish = async (title: string): Promise<Ad> => {
        const { status, body } = await seller.post<Ad>('/v1/ads', {
          ...{ title, description: 'As good as new', price: { amount: 990_000, currency: 'RUB' } },
          ...{ category: 'books', city: 'kazan', attributes: {} },
        });
        if (status !== 201) throw new Error(JSON.stringify(body));
        return body;
      };
      const ad = await publish('Encyclopaedia in twenty volumes');
      const problems: string[] = [];
      const open = async (path: string): Promise<Page> => {
        const page = await buyers.newPage();
        page.on('pageerror', (error) => problems.push(error.message));
        await page.goto(path);
        return page;
      };
      const adPage = await open(`/ads/${ad.id}`);
      await adPage.getByText('₽9,900').first().waitFor();
      const category = await open('/c/books');
      const results = await open('/search?q=encyclopaedia&price_max=20000');
      await results.getByRole('button', { name: 'Save this search' }).click();
      const saved = results;
      await saved.getByRole('link', { name: '“encyclopaedia”' }).waitFor();
      for (const page of [adPage, category, saved]) await listenOn(page, []);

      const { body: now } = await seller.get<Ad>(`/v1/ads/${ad.id}`);
      const patched = await seller.send(
        'PATCH',
        `/v1/ads/${ad.id}`,
        { price: { amount: 850_000, currency: 'RUB' } },
        { 'if-match': `"${now.version}"` },
      );
      expect(patched.status).toBe(200);
      await adPage.getByText('₽8,500').first().waitFor();

      const second = await publish('A smaller encyclopaedia');
      await category.getByRole('link', { name: 'New ads: 1' }).waitFor();
      await saved.getByText('new: 1').waitFor();
      await adPage.getByRole('link', { name: 'A smaller encyclopaedia' }).first().click();
      await adPage.waitForURL(new RegExp(`/ads/${second.id}$`));
      await listenOn(adPage, []);
      const deleted = await seller.send('DELETE', `/v1/ads/${second.id}`, undefined, {
        'if-match': `"${second.version}"`,
      });
      expect(deleted.status).toBe(204);
      await adPage.getByText('This ad was deleted.').last().waitFor();
      expect(problems).toEqual([]);
      await buyers.close();
    }, 120_000);
  },
);
