// What an open page of the storefront hears, by the live client that the page itself has loaded.
import type { Page } from 'playwright-core';

export interface LiveMessage {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** From now on; call the result for what came until then. */
export async function listenOn(page: Page, events: readonly string[]): Promise<() => Promise<LiveMessage[]>> {
  // As text, since the test runner's transformation of `import()` would travel into the page.
  await page.evaluate(`(async () => {
    const { live } = await import(document.querySelector('script[src$="/site.js"]').src);
    window.heard = [];
    const note = (event) => [event, (data) => window.heard.push({ event, data })];
    await new Promise((present) => live.subscribe({ on: Object.fromEntries(${JSON.stringify(events)}.map(note)), present }));
  })()`);
  return () => page.evaluate(() => (globalThis as unknown as { heard: LiveMessage[] }).heard);
}
