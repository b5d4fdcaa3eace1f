import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { createWorld } from '../world.testing.ts';

describe('the page of sales', () => {
  it('says what they have brought, and what the platform keeps', async () => {
    const seller = await createWorld().visitor({ language: 'en' }).signsIn();
    const page = await (await seller.get('/my/sales')).text();
    for (const said of ['₽9,500', '₽14,250', '₽120,000', '+₽9,500', '−₽9,500', 'fee ₽500', 'We keep 5.5% of the price'])
      expect(page).toContain(said);
  });

  it('shows the sales also while payments does not answer', async () => {
    const world = createWorld();
    const seller = await world.visitor({ language: 'en' }).signsIn();
    world.core.reply('getBalance', () => new ProblemError('unavailable').toResponse());
    const response = await seller.get('/my/sales');
    expect(response.status).toBe(200);
    const page = await response.text();
    expect(page).not.toContain('Earnings');
    expect(page).toContain('class="row panel"');
  });

  it('has none of it where nothing was sold, nor among purchases', async () => {
    const world = createWorld();
    const seller = await world.visitor({ language: 'en' }).signsIn();
    expect(await (await seller.get('/my/orders')).text()).not.toContain('Earnings');
    world.core.reply('getBalance', () => Response.json({ items: [] }));
    expect(await (await seller.get('/my/sales')).text()).not.toContain('Earnings');
  });
});
