// The storefront's pages as a visitor meets them.
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../contracts/problem.ts';
import { makeAd, uuid } from './fake-core.testing.ts';
import { createWorld } from './world.testing.ts';

const buyerPages = [
  '/',
  '/search?q=вело&price_min=100',
  '/c/bicycles',
  `/ads/${uuid(1000)}`,
  `/checkout/${uuid(1000)}`,
  `/orders/${uuid(2001)}`,
  '/my/orders',
  '/my/sales',
  '/my/ads',
  '/sell',
  '/sell?category=bicycles',
  `/my/ads/${uuid(1000)}/edit`,
  '/my/favourites',
  '/my/searches',
  '/messages',
  `/messages/${uuid(9100)}`,
  `/reports/new?subject_type=message&subject_id=${uuid(9001)}`,
  '/my/notifications',
  '/my/profile',
  '/sellers/01935b5e-7d00-7000-8000-000000000011',
  `/reports/${uuid(7001)}`,
];
const guestPages = [
  '/',
  '/search',
  '/c/phones',
  `/ads/${uuid(1001)}`,
  '/sign-in',
  '/register',
  '/sellers/01935b5e-7d00-7000-8000-000000000011',
];

describe('every page', () => {
  it.each(['ru', 'en'])(
    'is there in %s, with its language, one heading, and no script or style inside',
    async (language) => {
      const world = createWorld();
      const buyer = await world.visitor({ language }).signsIn();
      const guest = world.visitor({ language });
      const operator = await world.visitor({ language }).signsIn('operator@demo.lotok');
      const moderator = await world.visitor({ language }).signsIn('moderator@demo.lotok');
      const seen = [
        ...buyerPages.map((path) => [buyer, path] as const),
        ...guestPages.map((path) => [guest, path] as const),
        [moderator, '/moderation'],
        [moderator, '/moderation?queue=reports'],
        [operator, '/operations'],
        [operator, '/operations?view=all'],
        [operator, '/operations?view=cancelled&cursor=next'],
        [operator, `/operations/orders/${uuid(2011)}`],
      ] as const;
      for (const [visitor, path] of seen) {
        const response = await visitor.get(path);
        const page = await response.text();
        expect(response.status, path).toBe(200);
        expect(page, path).toContain(`<html lang="${language}">`);
        expect(page.match(/<h1/g), path).toHaveLength(1);
        expect(page, path).toMatch(/<title>[^<]{5,}<\/title>/);
        expect(page, path).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|\[object|undefined|NaN/);
        expect(response.headers.get('content-security-policy'), path).toMatch(
          /script-src 'nonce-[^']+'; style-src 'self'/,
        );
      }
    },
  );

  it('that is personal stays out of caches, and asks guests to sign in', async () => {
    const world = createWorld();
    const response = await (await world.visitor().signsIn()).get('/my/orders');
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    const guest = await world.visitor().get(`/orders/${uuid(2001)}`);
    expect(guest.headers.get('location')).toBe(`/sign-in?return=${encodeURIComponent(`/orders/${uuid(2001)}`)}`);
  });
});

describe('what people typed', () => {
  it('stays text, also when it looks like a script', async () => {
    const world = createWorld();
    const evil = `<script>alert(1)</script>"'&`;
    world.core.ads.push(
      makeAd(66, {
        title: evil,
        description: evil,
        attributes: { brand: evil },
        seller: { ...makeAd(66).seller, name: evil },
      }),
    );
    world.core.reply('getOrder', () => new ProblemError('not-found').toResponse());
    const visitor = world.visitor();
    for (const path of [
      `/ads/${uuid(1066)}`,
      '/',
      `/search?q=${encodeURIComponent(evil)}&city=${encodeURIComponent(evil)}&price_min=${encodeURIComponent(evil)}`,
      `/sign-in?return=${encodeURIComponent(`/${evil}`)}`,
    ]) {
      const page = await (await visitor.get(path)).text();
      expect(page, path).not.toContain('<script>');
      expect(page, path).not.toMatch(/"'&(?!amp;|#39;|quot;|lt;|gt;)/);
    }
  });

  it('is still in the form beside its errors, but for the password', async () => {
    const world = createWorld();
    world.core.reply('register', () =>
      new ProblemError('invalid-field', {
        errors: [
          { field: 'email', message: 'Invalid email' },
          { field: 'password', message: 'Too short' },
        ],
      }).toResponse(),
    );
    const response = await world.visitor().post('/register', { name: 'Анна', email: 'anna@', password: 'secret1' });
    const page = await response.text();
    expect(response.status).toBe(422);
    expect(page).toContain('value="Анна"');
    expect(page).toMatch(/value="anna@"[^>]*aria-describedby="field-email-error" aria-invalid="true"/);
    expect(page).toContain('От 8 до 200 символов');
    expect(page).not.toContain('secret1');
  });
});

describe('trouble', () => {
  it('is told in a friendly way, with the right status', async () => {
    const world = createWorld();
    const visitor = world.visitor();
    expect((await visitor.get('/nothing/here')).status).toBe(404);
    expect((await visitor.get(`/ads/${uuid(9)}`)).status).toBe(404);
    world.core.reply('listAds', () => Promise.reject(new TypeError('connection refused')));
    const away = await visitor.get('/');
    expect(away.status).toBe(503);
    expect(away.headers.get('retry-after')).toBe('30');
    expect(await away.text()).toContain('Сервис ненадолго недоступен');
    world.core.reply('listAds', () => ({ items: [{ wrong: true }], next_cursor: null }));
    expect((await visitor.get('/')).status).toBe(503);
    world.core.reply('listModeration', () => new ProblemError('forbidden').toResponse());
    expect((await (await world.visitor().signsIn()).get('/moderation')).status).toBe(403);
  });

  it('of a badge or a quote does not take the page with it', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    world.core.reply('listNotifications', () => new ProblemError('timeout').toResponse());
    world.core.reply('quote', () => new ProblemError('delivery-unavailable').toResponse());
    expect((await visitor.get(`/ads/${uuid(1000)}`)).status).toBe(200);
  });
});

describe('a complaint', () => {
  it('is answered at once with “your request is being processed”', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const sent = await visitor.post('/reports', {
      subject_type: 'ad',
      subject_id: uuid(1000),
      reason: 'fraud',
      comment: 'Предоплата',
      return: `/ads/${uuid(1000)}`,
    });
    expect(sent.status).toBe(303);
    expect(world.core.asked.find(({ id }) => id === 'createReport')?.options.body).toEqual({
      subject: { type: 'ad', id: uuid(1000) },
      reason: 'fraud',
      comment: 'Предоплата',
    });
    expect(await (await visitor.get(sent.headers.get('location') ?? '')).text()).toContain('Ваша заявка в обработке');
  });
});

describe('an ad', () => {
  it('is published with what its category asks for, in the contract’s types', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const form = new URLSearchParams({
      category: 'bicycles',
      title: 'Велосипед',
      description: 'Хороший',
      price: '15 000,50',
      city: 'kazan',
      'attributes.wheel-size': '27,5',
      'attributes.bell': 'false',
      'attributes.condition': 'good',
      'attributes.brand': '',
      intent: 'publish',
    });
    form.append('photos', uuid(1));
    form.append('photos', uuid(2));
    expect((await visitor.post('/sell', form)).headers.get('location')).toMatch(/^\/my\/ads\?done=/);
    expect(world.core.asked.find(({ id }) => id === 'createAd')?.options.body).toEqual({
      title: 'Велосипед',
      description: 'Хороший',
      price: { amount: 1_500_050, currency: 'RUB' },
      category: 'bicycles',
      city: 'kazan',
      attributes: { condition: 'good', 'wheel-size': 27.5, bell: false },
      photos: [uuid(1), uuid(2)],
      draft: false,
    });
  });

  it('is changed only from the version that its owner saw', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    world.core.reply('changeAd', () => new ProblemError('precondition-failed').toResponse());
    const response = await visitor.post(`/my/ads/${uuid(1000)}/edit`, {
      title: 'Новое имя',
      description: 'x',
      price: '10',
      city: 'kazan',
      version: '2',
    });
    expect(world.core.asked.find(({ id }) => id === 'changeAd')?.options.headers).toEqual({ 'if-match': '"2"' });
    const page = await response.text();
    expect(response.status).toBe(412);
    expect(page).toContain('value="Новое имя"');
    expect(page).toContain('name="version" value="3"');
  });
});

describe('style and scripts', () => {
  it('may be kept for ever under their own address, and no longer under an old one', async () => {
    const visitor = createWorld().visitor();
    const page = await (await visitor.get('/')).text();
    const address = /href="(\/assets\/[0-9a-f]{12}\/site\.css)"/.exec(page)?.[1] ?? '';
    const css = await visitor.get(address);
    expect(css.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(css.headers.get('content-type')).toMatch(/^text\/css/);
    expect((await visitor.get(address, { 'if-none-match': css.headers.get('etag') ?? '' })).status).toBe(304);
    expect((await visitor.get('/assets/000000000000/site.css')).headers.get('cache-control')).toBe('no-cache');
    expect((await visitor.get('/assets/000000000000/..%2Findex.ts')).status).toBe(404);
  });
});

describe('saved searches', () => {
  it('are kept in the money’s minor units, and lead back to their results', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    expect(await (await buyer.get('/search?q=вело&price_max=200')).text()).toContain('Сохранить поиск');
    expect(await (await buyer.get('/search')).text()).not.toContain('Сохранить поиск');
    const saved = await buyer.post('/my/searches', { name: 'Дёшево', q: 'вело', price_max: '200,50' });
    expect(saved.headers.get('location')).toBe('/my/searches');
    expect(world.core.asked.find(({ id }) => id === 'saveSearch')?.options.body).toEqual({
      name: 'Дёшево',
      query: { q: 'вело', price_max: 20_050 },
    });
    expect(await (await buyer.get('/my/searches')).text()).toContain('price_max=30000&amp;sort=newest');
    expect((await buyer.post(`/my/searches/${uuid(7101)}/remove`)).status).toBe(303);
  });
});

describe('messages', () => {
  const thread = `/messages/${uuid(9100)}`;

  it('are shown as text, marked as read, and written once with the key of their form', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    const page = await (await buyer.get(thread)).text();
    expect(page).toContain('&lt;b&gt;Ещё&lt;/b&gt;');
    expect(page).toContain('Удалено модератором');
    expect(world.core.asked.find(({ id }) => id === 'readConversation')?.options.body).toEqual({ up_to: 3 });
    const key = /name="key" value="([^"]+)"/.exec(page)?.[1] ?? '';
    const sent = await buyer.post(thread, { key, text: 'Да' });
    expect(sent.headers.get('location')).toBe(`${thread}#newest`);
    const asked = world.core.asked.find(({ id }) => id === 'sendMessage')?.options;
    expect([asked?.headers, asked?.body]).toEqual([{ 'idempotency-key': key }, { text: 'Да', attachments: [] }]);
  });

  it('that cannot be sent stay in the form', async () => {
    const world = createWorld();
    const buyer = await world.visitor().signsIn();
    world.core.reply('sendMessage', () => new ProblemError('blocked').toResponse());
    const refused = await buyer.post(thread, { key: 'the-same-key', text: 'Алло?' });
    expect(refused.status).toBe(403);
    const page = await refused.text();
    expect(page).toContain('Алло?');
    expect(page).toContain('value="the-same-key"');
    expect(page).toContain('один из вас заблокировал другого');
  });

  it('are for those who signed in', async () => {
    expect((await createWorld().visitor().get(thread)).headers.get('location')).toMatch(/^\/sign-in/);
  });
});
