// A purchase as a buyer makes it, in real Chromium on the whole system: every status arrives on the open page by itself.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../scripts/free-port.ts';
import { Hopeless, until } from '../until.ts';
import { listenOn } from './live-page.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const missing = !existsSync(executablePath);

interface System extends AsyncDisposable {
  readonly url: string;
}

/** `npm start`, as a newcomer types it, on a port and a data folder of its own. The parcel moves only when told to. */
async function startSystem(): Promise<System> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'lotok-browser-'));
  const root = join(import.meta.dirname, '../..');
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      LOTOK_DATA: join(folder, 'data'),
      SANDBOX_STEP_MS: '0',
      LOG_LEVEL: 'warn',
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
  }
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    const signal = (name: NodeJS.Signals): void => {
      // npm, its shell and the system are one process group; none of them may stay behind.
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    };
    signal('SIGTERM');
    const late = setTimeout(() => signal('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await until(
      'the system is ready',
      async () => {
        if (child.exitCode !== null) throw new Hopeless(`npm start ended with ${child.exitCode}`);
        return (await fetch(`${url}/readyz`)).ok;
      },
      { timeoutMs: 180_000, everyMs: 200 },
    );
  } catch (error) {
    await end();
    throw new Error(`npm start did not become ready:\n${output}`, { cause: error });
  }
  return { url, [Symbol.asyncDispose]: end };
}

/** Problems that a user would not see but a developer's console shows: script errors, refused styles, failed requests. */
function watchConsole(page: Page, problems: string[]): void {
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
}

// Where CI promises a browser, its absence is a failure and no reason to skip.
describe.skipIf(missing && process.env['CI'] !== 'true')(
  `a purchase in Chromium${missing ? ` (there is none at ${executablePath})` : ''}`,
  () => {
    let system: System;
    let browser: Browser;

    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      });
      system = await startSystem();
    }, 240_000);

    afterAll(async () => {
      await browser?.close();
      await system?.[Symbol.asyncDispose]();
    });

    it('goes from the start page to the received parcel, and the open order page tells each step by itself', async () => {
      const context = await browser.newContext({
        locale: 'en-GB',
        viewport: { width: 390, height: 844 },
        baseURL: system.url,
      });
      context.setDefaultTimeout(20_000);
      const shop = await context.newPage();
      const problems: string[] = [];
      watchConsole(shop, problems);

      await shop.goto('/');
      await shop.getByRole('article').first().getByRole('link').click();
      const title = (await shop.getByRole('heading', { level: 1 }).textContent()) ?? '';
      await shop.getByRole('link', { name: 'Buy with delivery' }).click();

      // Nobody is signed in yet; afterwards the way goes on to the checkout.
      await shop.getByRole('button', { name: /^Buyer/ }).click();
      await shop.waitForURL(/\/checkout\//);
      await shop.getByRole('radio', { name: /Courier to your door/ }).check();
      await shop.getByLabel('Address').fill('Tverskaya 1, flat 2');
      await shop.getByRole('button', { name: 'Continue to payment' }).click();
      await shop.waitForURL(/\/sandbox\//);

      // A second tab watches the order while the first one pays.
      const watching = await context.newPage();
      watchConsole(watching, problems);
      await watching.goto('/my/orders');
      await watching.getByRole('link', { name: title }).first().click();
      await watching.waitForURL(/\/orders\//);
      const orderId = new URL(watching.url()).pathname.split('/')[2] ?? '';
      const headline = watching.locator('[data-status]');
      await watching.getByText('Updates by itself').waitFor();
      const messages = await listenOn(watching, ['order.status', 'delivery.stage']);
      expect(await headline.textContent()).toBe('Awaiting payment');
      let navigations = 0;
      watching.on('framenavigated', () => navigations++);
      const shows = (status: string) =>
        until(`the page shows “${status}”`, async () => (await headline.textContent()) === status, {
          timeoutMs: 20_000,
        });

      await shop
        .getByRole('button', { name: /approve|pay/i })
        .first()
        .click();
      await shows('Paid');
      await shop.waitForURL((url) => url.pathname === `/orders/${orderId}`);

      const courier = await courierOf(context, orderId);
      await courier.says('accepted');
      await shows('On its way');
      await courier.says('in_transit');
      await watching.getByText('In transit').first().waitFor();
      await courier.says('delivered');
      await shows('Delivered');
      expect(await watching.locator('[data-tracking]').textContent()).toMatch(/\w{6,}/);

      await shop.getByRole('button', { name: 'Confirm receipt' }).click();
      await shows('Completed');
      await watching.getByRole('heading', { name: 'How did it go?' }).waitFor();

      const heard = await messages();
      const told = (event: string, field: string) =>
        heard
          .filter((each) => each.event === event && each.data['order_id'] === orderId)
          .map(({ data }) => data[field]);
      expect(told('order.status', 'status').filter((status) => status !== 'pending_payment')).toEqual([
        'paid',
        'in_delivery',
        'delivered',
        'completed',
      ]);
      expect(told('delivery.stage', 'stage').filter((stage) => stage !== 'created')).toEqual([
        'accepted',
        'in_transit',
        'delivered',
      ]);
      expect(navigations).toBe(0);
      expect(problems).toEqual([]);
      await context.close();
    }, 120_000);

    /** The sandbox's courier, driven by hand through the API of the signed-in buyer. */
    async function courierOf(context: BrowserContext, orderId: string) {
      const login = await context.request.post('/v1/auth/login', {
        data: { email: 'buyer@demo.lotok', password: 'demo' },
      });
      const { access_token } = (await login.json()) as { access_token: string };
      const shipment = await until('the shipment is there', async () => {
        const answer = await context.request.get(`/v1/orders/${orderId}`, {
          headers: { authorization: `Bearer ${access_token}` },
        });
        return ((await answer.json()) as { delivery: { shipment_id: string | null } }).delivery.shipment_id;
      });
      return {
        async says(stage: string): Promise<void> {
          const answer = await context.request.post(`/sandbox/courier/shipments/${shipment}/advance`, {
            data: { stage },
          });
          expect(answer.ok(), `${stage}: ${answer.status()} ${await answer.text()}`).toBe(true);
        },
      };
    }
  },
);
