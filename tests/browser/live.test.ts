// What arrives on open pages by itself, in real Chromium on the whole system.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
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
      await adPage.getByText('This ad is not for sale at the moment.').first().waitFor();
      expect(problems).toEqual([]);
      await buyers.close();
    }, 120_000);

    it('carry a talk between buyer and seller, each at their own phone, with a picture, ticks and a block', async () => {
      const buyers = await signedIn(/^Buyer/);
      const sellers = await signedIn(/^Seller/);
      const problems: string[] = [];
      const open = async (phone: BrowserContext, path: string): Promise<Page> => {
        const page = await phone.newPage();
        page.on('pageerror', (error) => problems.push(error.message));
        await page.goto(path);
        return page;
      };
      const seller = await Client.signIn(lotok.url, 'seller@demo.lotok');
      const { body: ad } = await seller.post<Ad>('/v1/ads', {
        ...{ title: 'Kettle with a whistle', description: 'Loud', price: { amount: 90_000, currency: 'RUB' } },
        ...{ category: 'furniture', city: 'kazan', attributes: {} },
      });
      const sellersPage = await open(sellers, '/messages');
      await sellersPage.getByText('No messages yet').waitFor();
      const buyersPage = await open(buyers, `/ads/${ad.id}`);
      // The ad reaches chat by the bus.
      await until('the ad is known to chat', async () => {
        const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
        return (await buyer.post('/v1/conversations', { ad_id: ad.id })).status === 200;
      });
      await buyersPage.getByRole('button', { name: 'Write to the seller' }).click();
      await buyersPage.waitForURL(/\/messages\//);
      const write = async (page: Page, text: string): Promise<void> => {
        await page.getByLabel('Write a message').fill(text);
        await page.getByRole('button', { name: 'Send' }).click();
        await page.getByRole('listitem').filter({ hasText: text }).waitFor();
      };
      let navigations = 0;
      buyersPage.on('framenavigated', () => navigations++);
      await write(buyersPage, 'Does it whistle in C?');

      // The seller's open list shows it without a reload, and so does the thread what follows.
      await sellersPage.getByRole('link', { name: /Does it whistle in C/ }).click();
      await sellersPage.waitForURL(/\/messages\/[0-9a-f]/);
      await buyersPage.getByText('· read').waitFor();
      await write(sellersPage, 'In B flat, I am afraid');
      await buyersPage.getByText('In B flat, I am afraid').waitFor();
      await sellersPage.getByText('· read').waitFor();

      await buyersPage.locator('input[type=file]').setInputFiles({
        name: 'whistle.png',
        mimeType: 'image/png',
        buffer: await sharp({ create: { width: 320, height: 240, channels: 3, background: '#0b6e5d' } })
          .png()
          .toBuffer(),
      });
      await buyersPage.locator('[data-uploads] input[name=attachments]').waitFor({ state: 'attached' });
      await write(buyersPage, 'Like this one?');
      await sellersPage.getByRole('img', { name: 'Picture' }).waitFor();

      await sellersPage.getByRole('button', { name: 'Block this person' }).click();
      await sellersPage.getByText('You have blocked this person.').waitFor();
      await buyersPage.getByLabel('Write a message').fill('Hello?');
      await buyersPage.getByRole('button', { name: 'Send' }).click();
      await buyersPage.getByText('one of you has blocked the other').waitFor();
      expect(await buyersPage.getByLabel('Write a message').inputValue()).toBe('Hello?');

      expect(navigations).toBe(0);
      expect(problems).toEqual([]);
      const width = await buyersPage.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBeLessThanOrEqual(390);
      await buyers.close();
      await sellers.close();
    }, 120_000);
  },
);
