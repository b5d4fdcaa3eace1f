import { describe, expect, it } from 'vitest';
import type { OrderStory } from '../../../contracts/operations.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { makeOperationsOrder, makeStory, trace, uuid } from '../fake-core.testing.ts';
import { formats, strings } from '../i18n.ts';
import { createWorld } from '../world.testing.ts';
import { entriesOf } from './operations-entries.ts';

const path = `/operations/orders/${uuid(2011)}`;
const operatorOf = (world: ReturnType<typeof createWorld>, language = 'en') =>
  world.visitor({ language }).signsIn('operator@demo.lotok');
const read = async (response: Response) => ({ status: response.status, page: await response.text() });
const askedFor = (world: ReturnType<typeof createWorld>, id: string) =>
  world.core.asked.filter((asked) => asked.id === id).map(({ options }) => options);

describe('the operators’ list', () => {
  it('begins with the orders that need a person, and says how many there are of each kind', async () => {
    const world = createWorld();
    const { page } = await read(await (await operatorOf(world)).get('/operations'));
    expect(askedFor(world, 'listOperations')[0]?.query).toMatchObject({ needs_attention: 'true' });
    expect(page).toContain('create the shipment: the courier answers nonsense');
    expect(page).toMatch(/href="\/operations\?view=waiting" aria-current="page"><strong>2<\/strong>/);
    expect(page).toMatch(/href="\/operations\?view=completed"><strong>1,204<\/strong>/);
    expect(page).toMatch(/href="\/operations\?view=all"><strong>1,319<\/strong>/);
  });

  it('goes straight to the one order that has the name which was looked for', async () => {
    const world = createWorld();
    const operator = await operatorOf(world);
    world.core.reply('listOperations', () => ({ items: [makeOperationsOrder(11)], next_cursor: null }));
    const found = await operator.get('/operations?q=LT00042');
    expect(found.headers.get('location')).toBe(path);
    expect(askedFor(world, 'listOperations').at(-1)?.query).toEqual({ q: 'LT00042', cursor: undefined });
    world.core.reply('listOperations', () => ({ items: [], next_cursor: null }));
    const { page } = await read(await operator.get('/operations?q=nothing'));
    expect(page).toContain('There are no such orders');
    expect(page).toContain('value="nothing"');
  });

  it('is linked for operators, and shut for others', async () => {
    const world = createWorld();
    expect((await read(await (await operatorOf(world)).get('/'))).page).toContain('href="/operations"');
    const buyer = await world.visitor().signsIn();
    expect((await read(await buyer.get('/'))).page).not.toContain('/operations');
    for (const id of ['countOperations', 'listOperations', 'getOrderStory', 'decideOnOrder'] as const)
      world.core.reply(id, () => new ProblemError('forbidden').toResponse());
    expect((await buyer.get('/operations')).status).toBe(403);
    expect((await buyer.get(path)).status).toBe(403);
    expect((await buyer.post(`${path}/decisions`, { action: 'skip', target: 'command:3', note: 'x' })).status).toBe(
      403,
    );
    expect((await world.visitor().get(path)).headers.get('location')).toMatch(/^\/sign-in\?return=/);
  });
});

describe('an order’s story', () => {
  it('is told in time order, whoever knows of it', () => {
    const entries = entriesOf(makeStory(11), strings.en, formats.en);
    expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).toSorted());
    expect(entries.map(({ title }) => title)).toEqual([
      'Order placed',
      'Payment started',
      'Owed: start the payment',
      'Done: start the payment',
      'The provider told: authorized',
      'Payment confirmed',
      'Order paid',
      'Owed: mark the ad as sold, create the shipment, tell of the payment',
      'Seller: My item was bought',
      'Done: mark the ad as sold',
      'Try 1 failed: create the shipment',
      'Mail sent: Seller, My item was bought',
      'Try 2 got no answer: create the shipment',
      'Оператор: retry — create the shipment',
    ]);
  });

  it('tells what payments and delivery know and the order has not heard', () => {
    const story = makeStory(11);
    const at = '2026-11-24T11:00:00.000Z';
    const changed: OrderStory = {
      ...story,
      payment: story.payment && {
        ...story.payment,
        changes: [{ version: 3, status: 'voided', reason: null, at }],
        ledger: [{ kind: 'earned', at, entries: [{ account: 'seller:1', amount: -100_00, currency: 'RUB' }] }],
      },
    };
    const late = entriesOf(changed, strings.en, formats.en).filter((entry) => entry.at === at);
    expect(late.map(({ title, detail }) => [title, detail])).toEqual([
      ['Payment cancelled', 'the order has not heard of it yet'],
      ['Booked: earned', 'seller:1 -₽100'],
    ]);
  });

  it('has traces as links where there is a place to look at them, and as ids where there is none', async () => {
    const linked = createWorld({ traceUrl: 'https://jaeger.example/trace/{trace_id}' });
    const { page } = await read(await (await operatorOf(linked)).get(path));
    expect(page).toContain(`href="https://jaeger.example/trace/${trace(3)}"`);
    expect(page).toContain(uuid(8002));
    const plain = createWorld();
    const without = await read(await (await operatorOf(plain)).get(path));
    expect(without.page).toContain(trace(3));
    expect(without.page).not.toContain('jaeger');
    // Neighbours of one trace name it once.
    expect(without.page.split(trace(3))).toHaveLength(3);
  });

  it('says which part is missing', async () => {
    const world = createWorld();
    world.core.reply('getOrderStory', () => makeStory(11, { payment: null, missing: ['payments'] }));
    const { status, page } = await read(await (await operatorOf(world)).get(path));
    expect(status).toBe(200);
    expect(page).toContain('Payments did not answer');
    expect(page).not.toContain('There was no payment');
  });

  it('says that there is nothing to decide while the other end is away', async () => {
    const world = createWorld();
    const story = makeStory(11);
    const commands = story.commands.map((each) =>
      each.state === 'parked' ? { ...each, state: 'owed' as const } : each,
    );
    world.core.reply('getOrderStory', () => ({ ...story, commands }));
    const { page } = await read(await (await operatorOf(world)).get(path));
    expect(page).toContain('There is nothing to decide yet');
    expect(page).not.toContain('value="retry"');
  });
});

describe('a decision', () => {
  it('about a step says which one, and why', async () => {
    const world = createWorld();
    const operator = await operatorOf(world);
    const { page } = await read(await operator.get(path));
    expect(page).toContain('name="target" value="command:3"');
    const sent = await operator.post(`${path}/decisions`, { action: 'retry', target: 'command:3', note: 'Mended' });
    expect(sent.headers.get('location')).toBe(`${path}?done=decided`);
    expect(askedFor(world, 'decideOnOrder')[0]?.body).toEqual({
      action: 'retry',
      target: { kind: 'command', id: 3 },
      note: 'Mended',
    });
    expect((await read(await operator.get(`${path}?done=decided`))).page).toContain('The decision is written down');
  });

  it('about work of payments’ own is made the same way', async () => {
    const world = createWorld();
    const story = makeStory(11);
    const payment = story.payment && { ...story.payment, needs_attention: 'payout: no such account' };
    world.core.reply('getOrderStory', () => ({ ...story, payment }));
    const operator = await operatorOf(world);
    expect((await read(await operator.get(path))).page).toContain('payout: no such account');
    await operator.post(`${path}/decisions`, { action: 'skip', target: 'payment', note: 'Paid by hand' });
    expect(askedFor(world, 'decideOnOrder')[0]?.body).toEqual({
      action: 'skip',
      target: { kind: 'payment' },
      note: 'Paid by hand',
    });
  });

  it('to take the order back says what it undoes, and is offered only where it can be', async () => {
    const world = createWorld();
    const operator = await operatorOf(world);
    const { page } = await read(await operator.get(path));
    expect(page).toContain('name="status" value="paid"');
    expect(page).toContain('If the courier has the parcel already, the order goes on');
    await operator.post(`${path}/decisions`, { action: 'compensate', status: 'paid', note: 'The buyer was cheated' });
    expect(askedFor(world, 'decideOnOrder')[0]?.body).toEqual({
      action: 'compensate',
      status: 'paid',
      note: 'The buyer was cheated',
    });
    world.core.reply('getOrderStory', () => makeStory(11, { can_compensate: false }));
    expect((await read(await operator.get(path))).page).not.toContain('value="compensate"');
  });

  it('that comes too late shows the present state and what was in the way', async () => {
    const world = createWorld();
    const detail = 'The command is owed: only one that is parked waits for a decision';
    world.core.reply('decideOnOrder', () => new ProblemError('conflict', { detail }).toResponse());
    const sent = await (await operatorOf(world)).post(`${path}/decisions`, {
      action: 'retry',
      target: 'command:3',
      note: 'Mended',
    });
    const { status, page } = await read(sent);
    expect(status).toBe(409);
    expect(page).toContain('Things have changed meanwhile');
    expect(page).toContain(detail);
    // From there the next decision goes to the same place.
    expect(page).toContain(`action="${path}/decisions"`);
  });

  it('without a reason keeps what was typed, beside the error', async () => {
    const world = createWorld();
    const errors = [{ field: 'note', message: 'must have at least 3 characters' }];
    world.core.reply('decideOnOrder', () => new ProblemError('invalid-field', { errors }).toResponse());
    const operator = await operatorOf(world);
    const { status, page } = await read(
      await operator.post(`${path}/decisions`, { action: 'skip', target: 'command:3', note: 'x<' }),
    );
    expect(status).toBe(422);
    expect(page).toMatch(/<textarea id="field-note-command-3"[^>]*aria-invalid="true">x&lt;<\/textarea>/);
    expect(page).toContain('Write why: 3 to 1000 characters');
  });

  it('is not taken from another site', async () => {
    const world = createWorld();
    const operator = await operatorOf(world);
    const form = { action: 'skip', target: 'command:3', note: 'Mended' };
    const sent = await operator.post(`${path}/decisions`, form, { 'sec-fetch-site': 'cross-site' });
    expect(sent.status).toBe(403);
    expect(askedFor(world, 'decideOnOrder')).toEqual([]);
  });
});
