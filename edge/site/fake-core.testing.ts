// A core in memory for the storefront's tests: answers in the contract's shapes, and remembers what it was asked.

import type { z } from 'zod';
import type { Ad, Category, City } from '../../contracts/ads.ts';
import type { PickupPoint, Quote } from '../../contracts/delivery.ts';
import { demoBuyer, demoModerator, demoOperator, demoSellers } from '../../contracts/demo.ts';
import type { Notification } from '../../contracts/notifications.ts';
import type { OperationsOrder, OrderStory } from '../../contracts/operations.ts';
import type { OrderWithTimeline } from '../../contracts/orders.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Report } from '../../contracts/reports.ts';
import { needsToken, type RouteSpec } from '../../contracts/route.ts';
import { routes } from '../../contracts/routes.ts';
import type { SavedSearch } from '../../contracts/search.ts';
import type { Review, SellerPage, Tokens } from '../../contracts/users.ts';
import type { OperationId } from './client.ts';
import type { ApiOptions, SiteDeps } from './deps.ts';

export interface Asked {
  readonly id: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly options: ApiOptions;
}
type Reply = (asked: Asked) => unknown;

export interface FakeCore {
  readonly api: SiteDeps['api'];
  readonly asked: Asked[];
  readonly ads: Ad[];
  readonly orders: OrderWithTimeline[];
  readonly notifications: Notification[];
  /** Answers one operation differently. */
  reply(id: OperationId, reply: Reply): void;
}

const at = '2026-11-24T10:00:00.000Z';
export const uuid = (n: number): string => `01935b5e-7d3a-7000-8000-${String(n).padStart(12, '0')}`;
const rub = (amount: number) => ({ amount: amount * 100, currency: 'RUB' });

export const cities: City[] = [
  { id: 'moscow', name: { ru: 'Москва', en: 'Moscow' }, latitude: 55.75, longitude: 37.61 },
  { id: 'kazan', name: { ru: 'Казань', en: 'Kazan' }, latitude: 55.79, longitude: 49.1 },
];
const category = (
  id: string,
  ru: string,
  en: string,
  ads: number,
  attributes: Category['attributes'] = [],
): Category => ({ id, name: { ru, en }, attributes, ads });
export const categories: Category[] = [
  category('bicycles', 'Велосипеды', 'Bicycles', 31, [
    {
      id: 'condition',
      name: { ru: 'Состояние', en: 'Condition' },
      type: 'choice',
      required: false,
      choices: [
        { id: 'new', name: { ru: 'Новое', en: 'New' } },
        { id: 'good', name: { ru: 'Хорошее', en: 'Good' } },
      ],
    },
    { id: 'wheel-size', name: { ru: 'Диаметр колёс', en: 'Wheel size' }, type: 'number', unit: '″', required: true },
    { id: 'bell', name: { ru: 'Звонок', en: 'Bell' }, type: 'boolean', required: false },
    { id: 'brand', name: { ru: 'Бренд', en: 'Brand' }, type: 'text', required: false },
  ]),
  category('phones', 'Телефоны', 'Phones', 42),
  category('laptops', 'Ноутбуки', 'Laptops', 18),
  category('furniture', 'Мебель', 'Furniture', 27),
  category('books', 'Книги', 'Books', 64),
  category('music', 'Музыкальные инструменты', 'Music', 9),
];

const photos = (n: number, count: number): Ad['photos'] =>
  Array.from({ length: count }, (_, index) => {
    const id = uuid(5000 + n * 10 + index);
    return {
      id,
      url: `/media/${id}/full.webp`,
      thumb_url: `/media/${id}/thumb.webp`,
      width: 1200,
      height: 900,
    } as Ad['photos'][number];
  });

const message = (n: number, sender: string, change: object = {}) => ({
  id: uuid(9000 + n),
  conversation_id: uuid(9100),
  number: n,
  sender_id: sender,
  text: `Сообщение ${n}`,
  attachments: [],
  removed: false,
  created_at: at,
  ...change,
});
const messages = [
  message(1, demoSellers[0].id, { text: 'Здравствуйте! <b>Ещё</b> продаёте?' }),
  message(2, demoBuyer.id, { attachments: photos(9, 1) }),
  message(3, demoSellers[0].id, { text: '', removed: true }),
];
const conversation = {
  id: uuid(9100),
  ad: { id: uuid(1000), title: 'Горный велосипед', price: rub(15_000), status: 'reserved', thumb_url: null },
  role: 'buyer',
  partner: { id: demoSellers[0].id, name: demoSellers[0].name },
  last_message: messages[2],
  unread: 1,
  read_up_to: 2,
  partner_read_up_to: 2,
  blocked: false,
  can_write: true,
  created_at: at,
};

export function makeAd(n: number, change: Partial<Ad> = {}): Ad {
  const titles = [
    'Горный велосипед Stels Navigator, 27,5″',
    'Диван угловой',
    'Ноутбук ThinkPad X1 Carbon 9 поколения, 16 ГБ',
    'Гитара акустическая Yamaha F310',
    'Собрание сочинений А. П. Чехова в 12 томах, издание 1960 года',
  ];
  return {
    id: uuid(1000 + n) as Ad['id'],
    title: titles[n % titles.length] ?? '',
    description:
      'Катался два сезона, обслужен весной. Новая цепь и кассета.\n\nЦарапина на раме видна на третьем фото. Торг уместен.',
    price: rub(1500 + n * 1730),
    category: 'bicycles',
    city: n % 2 ? 'kazan' : 'moscow',
    attributes: { condition: 'good', 'wheel-size': 27.5, bell: true, brand: 'Stels' },
    photos: photos(n, n % 4 === 1 ? 0 : 3),
    status: 'active',
    rejection_reason: null,
    seller: { id: demoSellers[0].id, name: demoSellers[0].name, rating: 4.8, reviews: 21 },
    created_at: at,
    updated_at: at,
    version: 3,
    ...change,
  };
}

export const quotes: Quote[] = [
  { method: 'courier', courier: 'sandbox', price: rub(450), estimated: { from: '2026-11-27', to: '2026-11-29' } },
  { method: 'pickup_point', courier: 'sandbox', price: rub(250), estimated: { from: '2026-11-28', to: '2026-12-01' } },
];
export const points: PickupPoint[] = [1, 2, 3].map((n) => ({
  id: `moscow-${n}`,
  city: 'moscow',
  name: `Пункт ${n} на Тверской`,
  address: `Москва, Тверская ул., ${n * 4}`,
  latitude: 55.75 + n / 100,
  longitude: 37.6 - n / 100,
  hours: 'ежедневно 9:00–21:00',
  courier: 'sandbox',
  distance_m: n * 1_270,
}));

const statementEntry = { order_id: uuid(2000), title: 'Горный велосипед', currency: 'RUB', at };

export function makeOrder(n: number, change: Partial<OrderWithTimeline> = {}): OrderWithTimeline {
  return {
    id: uuid(2000 + n) as OrderWithTimeline['id'],
    status: 'in_delivery',
    cancel_reason: null,
    buyer_id: demoBuyer.id,
    seller_id: demoSellers[0].id,
    ad: {
      id: uuid(1000) as Ad['id'],
      title: 'Горный велосипед Stels Navigator',
      thumb_url: `/media/${uuid(5000)}/thumb.webp`,
    },
    price: rub(15_000),
    delivery_price: rub(450),
    total: rub(15_450),
    payment: { id: uuid(3000 + n) as OrderWithTimeline['payment']['id'], status: 'captured', confirmation_url: null },
    delivery: {
      method: 'courier',
      address: 'Москва, Тверская, 1',
      pickup_point: null,
      shipment_id: uuid(4000 + n) as never,
      stage: 'in_transit',
      tracking_number: 'SB-10024471',
      estimated: { from: '2026-11-27', to: '2026-11-29' },
    },
    actions: ['cancel'],
    created_at: at,
    updated_at: at,
    version: 5,
    timeline: [
      { kind: 'order', status: 'pending_payment', reason: null, at },
      { kind: 'payment', status: 'authorized', at: '2026-11-24T10:02:00.000Z' },
      { kind: 'order', status: 'paid', reason: null, at: '2026-11-24T10:02:01.000Z' },
      { kind: 'delivery', stage: 'accepted', at: '2026-11-24T15:30:00.000Z' },
      { kind: 'payment', status: 'captured', at: '2026-11-24T15:30:01.000Z' },
      { kind: 'order', status: 'in_delivery', reason: null, at: '2026-11-24T15:30:01.000Z' },
      { kind: 'delivery', stage: 'in_transit', at: '2026-11-25T08:10:00.000Z' },
    ],
    ...change,
  };
}

export const trace = (n: number): string => String(n).repeat(32);

export function makeOperationsOrder(n: number, change: Partial<OperationsOrder> = {}): OperationsOrder {
  const { id, buyer_id, seller_id, ad, total, created_at, updated_at } = makeOrder(n);
  return {
    ...{ id, buyer_id, seller_id, total, created_at, updated_at },
    status: 'paid',
    cancel_reason: null,
    needs_attention: 'create_shipment: the courier answers nonsense',
    attention_since: '2026-11-24T10:09:00.000Z',
    ad: { id: ad.id, title: ad.title },
    payment: { id: uuid(3000 + n) as OperationsOrder['payment']['id'], status: 'authorized' },
    delivery: { shipment_id: uuid(4000 + n) as never, stage: null, tracking_number: null },
    deadline_at: '2026-12-24T10:02:01.000Z',
    version: 4,
    ...change,
  };
}

/** An order whose shipment could not be made, that somebody has tried to mend before. */
export function makeStory(n: number, change: Partial<OrderStory> = {}): OrderStory {
  const order = makeOperationsOrder(n);
  const minute = (minutes: number): string => new Date(Date.parse(at) + minutes * 60_000).toISOString();
  const heard = (k: number) => ({ trace_id: trace(k), event_id: uuid(8000 + k) });
  const work = { attempts: 0, failures: 0, last_error: null, next_try_at: null };
  const command = (
    id: number,
    step: OrderStory['commands'][number]['step'],
    state: OrderStory['commands'][number]['state'],
    owed: number,
  ): OrderStory['commands'][number] => ({
    ...{ id, step, state },
    attempts: state === 'owed' ? 0 : 1,
    failures: 0,
    last_error: null,
    owed_at: minute(owed),
    next_try_at: state === 'owed' ? minute(owed) : null,
    finished_at: state === 'done' ? minute(owed + 1) : null,
    trace_id: trace(1),
    tries: [],
  });
  return {
    order,
    can_compensate: true,
    commands: [
      command(1, 'start_payment', 'done', 0),
      command(2, 'mark_ad_sold', 'done', 2),
      {
        ...command(3, 'create_shipment', 'parked', 2),
        attempts: 24,
        failures: 12,
        last_error: 'the courier answers nonsense',
        tries: [
          { number: 1, at: minute(3), answered: true, error: 'the courier answers nonsense', trace_id: trace(3) },
          { number: 2, at: minute(4), answered: false, error: 'unavailable', trace_id: trace(3) },
        ],
      },
      command(4, 'notify_paid', 'owed', 2),
    ],
    timeline: [
      { kind: 'order', status: 'pending_payment', reason: null, at, ...heard(1) },
      { kind: 'payment', status: 'in_progress', at, ...heard(1) },
      { kind: 'payment', status: 'authorized', at: minute(2), ...heard(2) },
      { kind: 'order', status: 'paid', reason: null, at: minute(2), ...heard(2) },
    ],
    decisions: [
      {
        id: 1,
        operator: { id: demoOperator.id, name: demoOperator.name },
        action: 'retry',
        target: 'command',
        command_id: 3,
        step: 'create_shipment',
        note: 'Курьер говорит, что починил',
        before: { status: 'paid', needs_attention: order.needs_attention, command_state: 'parked' },
        after: { status: 'paid', needs_attention: null, command_state: 'owed' },
        outcome: 'done',
        failure: null,
        at: minute(6),
        trace_id: trace(5),
      },
    ],
    payment: {
      id: order.payment.id,
      provider: 'sandbox',
      provider_id: 'pay_Zk3vQ',
      status: 'authorized',
      amount: order.total,
      reason: null,
      provider_says: 'authorized',
      provider_error: null,
      intent: null,
      intent_reason: null,
      ...work,
      needs_attention: null,
      changes: [
        { version: 1, status: 'in_progress', reason: null, at },
        { version: 2, status: 'authorized', reason: null, at: minute(2) },
      ],
      provider_events: [{ id: 'evt_17', status: 'authorized', at: minute(2) }],
      payout: null,
      ledger: [],
      trace_id: trace(1),
    },
    delivery: null,
    notices: [
      {
        id: uuid(6101) as never,
        kind: 'sale_paid',
        user_id: order.seller_id,
        in_app: true,
        read_at: null,
        mail: 'sent',
        mail_attempts: 1,
        mail_error: null,
        mailed_at: minute(3),
        created_at: minute(2),
        trace_id: trace(1),
      },
    ],
    missing: [],
    ...change,
  };
}

const makeNotification = (n: number, change: Partial<Notification>): Notification => ({
  id: uuid(6000 + n) as Notification['id'],
  kind: 'order_shipped',
  title: 'Посылка отправлена',
  text: 'Заказ едет к вам, ожидайте 27–29 ноября.',
  link: `/orders/${uuid(2001)}`,
  read: false,
  created_at: at,
  ...change,
});
const report: Report = {
  id: uuid(7001) as Report['id'],
  subject: { type: 'ad', id: uuid(1003) },
  reason: 'fraud',
  comment: 'Просят предоплату на карту',
  reporter_id: demoBuyer.id,
  status: 'processing',
  resolution: null,
  created_at: at,
  resolved_at: null,
};
const seller: z.infer<typeof SellerPage> = {
  id: demoSellers[0].id,
  name: demoSellers[0].name,
  since: at,
  rating: 4.8,
  reviews: 21,
  sales: 34,
};
const savedSearch: z.infer<typeof SavedSearch> = {
  id: uuid(7101),
  name: 'Велосипеды',
  query: { q: 'stels', category: 'bicycles', price_max: 3_000_000 },
  created_at: at,
};
const review: z.infer<typeof Review> = {
  order_id: uuid(2009) as never,
  author: { id: demoBuyer.id, name: demoBuyer.name },
  rating: 5,
  text: 'Всё как в описании, спасибо!',
  created_at: at,
};
const profile = {
  id: demoBuyer.id,
  email: demoBuyer.email,
  name: demoBuyer.name,
  phone: null,
  language: 'ru',
  roles: ['user'],
  created_at: at,
};

export function createFakeCore(): FakeCore {
  const ads = Array.from({ length: 13 }, (_, n) => makeAd(n));
  const orders = [
    makeOrder(1),
    makeOrder(2, {
      status: 'pending_payment',
      actions: ['pay', 'cancel'],
      payment: { id: uuid(3002) as never, status: 'in_progress', confirmation_url: `/sandbox/psp/pay/${uuid(3002)}` },
      delivery: { ...makeOrder(2).delivery, stage: null, tracking_number: null },
      timeline: makeOrder(2).timeline.slice(0, 1),
    }),
    makeOrder(3, {
      status: 'completed',
      actions: ['review'],
      delivery: {
        ...makeOrder(3).delivery,
        method: 'pickup_point',
        address: null,
        pickup_point: 'moscow-1',
        stage: 'delivered',
      },
      timeline: [
        ...makeOrder(3).timeline,
        { kind: 'delivery', stage: 'delivered', at },
        { kind: 'order', status: 'delivered', reason: null, at },
        { kind: 'order', status: 'completed', reason: null, at },
      ],
    }),
    makeOrder(4, {
      status: 'cancelled',
      cancel_reason: 'payment_declined',
      actions: [],
      payment: { id: uuid(3004) as never, status: 'failed', confirmation_url: null },
      delivery: { ...makeOrder(4).delivery, stage: null, tracking_number: null },
      timeline: [
        { kind: 'order', status: 'pending_payment', reason: null, at },
        { kind: 'payment', status: 'failed', at },
        { kind: 'order', status: 'cancelled', reason: 'payment_declined', at },
      ],
    }),
    makeOrder(5, { status: 'delivered', actions: ['accept'] }),
  ];
  const notifications = [
    makeNotification(2, {}),
    makeNotification(1, { kind: 'order_paid', title: 'Заказ оплачен', text: 'Деньги под защитой.', read: true }),
  ];
  const asked: Asked[] = [];
  const page = <Item>(items: readonly Item[], next: string | null = null) => ({ items, next_cursor: next });
  const found = <Item>(item: Item | undefined): Item => {
    if (item === undefined) throw new ProblemError('not-found');
    return item;
  };
  const adOf = ({ params }: Asked): Ad => found(ads.find(({ id }) => id === params['id']));
  const orderOf = ({ params }: Asked): OrderWithTimeline => found(orders.find(({ id }) => id === params['id']));
  const bodyOf = ({ options }: Asked): Record<string, unknown> => (options.body ?? {}) as Record<string, unknown>;
  const tokensOf = (email: unknown): Tokens => {
    const user = [demoBuyer, demoSellers[0], demoModerator, demoOperator].find((each) => each.email === email);
    if (!user) throw new ProblemError('invalid-credentials');
    return {
      access_token: `access-${user.id}`,
      refresh_token: `refresh-${user.id}`,
      token_type: 'Bearer',
      expires_in: 900,
      user_id: user.id,
    };
  };

  const replies: Partial<Record<OperationId, Reply>> = {
    listAds: () =>
      page(
        ads.filter(({ status }) => status === 'active'),
        'next',
      ),
    getAd: adOf,
    listAdsById: ({ options }) => ({
      items: ads.filter(({ id }) => String(options.query?.['ids']).split(',').includes(id)),
    }),
    createAd: (asking) => ({ ...makeAd(90), ...bodyOf(asking), photos: [], id: uuid(1090) }),
    changeAd: (asking) => ({ ...adOf(asking), ...bodyOf(asking), photos: [] }),
    listMyAds: () =>
      page([
        ...ads.slice(0, 3),
        makeAd(20, { status: 'draft' }),
        makeAd(21, { status: 'rejected', rejection_reason: 'Нет фото рамы' }),
        makeAd(22, { status: 'sold' }),
      ]),
    listCategories: () => ({ items: categories }),
    listCities: () => ({ items: cities }),
    listFavourites: () => page(ads.slice(0, 2)),
    addFavourite: () => undefined,
    removeFavourite: () => undefined,
    listModeration: () => page([makeAd(30, { status: 'moderation' }), makeAd(31, { status: 'moderation' })]),
    moderateAd: (asking) => makeAd(30, { status: bodyOf(asking)['decision'] === 'approve' ? 'active' : 'rejected' }),
    search: () => ({
      ...page(ads, 'next'),
      total: 131,
      facets: { category: [{ value: 'bicycles', count: 31 }], city: [{ value: 'kazan', count: 7 }], price: [] },
    }),
    startConversation: () => conversation,
    listConversations: () => ({ ...page([conversation]), unread: 1 }),
    getConversation: () => conversation,
    listMessages: () => page([...messages].reverse()),
    sendMessage: (asking) => ({ ...found(messages[0]), ...bodyOf(asking) }),
    readConversation: () => undefined,
    blockPartner: () => undefined,
    unblockPartner: () => undefined,
    getReportedMessage: () => ({
      message: found(messages[0]),
      ad: { id: uuid(1000), title: 'Велосипед' },
      sender: 'Сергей',
    }),
    login: (asking) => tokensOf(bodyOf(asking)['email']),
    register: () => tokensOf(demoBuyer.email),
    logout: () => undefined,
    me: () => profile,
    changeMe: (asking) => ({ ...profile, ...bodyOf(asking) }),
    getSeller: () => seller,
    listSellersById: () => ({ items: [seller] }),
    suggest: () => ({ items: ['велосипед'] }),
    listSavedSearches: () => ({ items: [savedSearch] }),
    saveSearch: (asking) => ({ ...savedSearch, ...bodyOf(asking) }),
    removeSavedSearch: () => undefined,
    listReviews: () => page([review, { ...review, rating: 3, text: 'Долго отправлял.' }]),
    createReview: () => review,
    quote: () => ({ items: quotes }),
    listPickupPoints: () => page(points),
    getPickupPoint: ({ params }) => found(points.find(({ id }) => id === params['id'])),
    getLabel: () => new Response('%PDF-1.4', { headers: { 'content-type': 'application/pdf' } }),
    createOrder: () => found(orders[1]),
    listOrders: () => page(orders),
    getBalance: () => ({
      items: [{ currency: 'RUB', pending: 14_250_00, available: 9_500_00, paid_out: 120_000_00 }],
    }),
    getStatement: () =>
      page([
        { ...statementEntry, id: 2, kind: 'paid_out', amount: -9_500_00, fee: 0, balance: 0 },
        { ...statementEntry, id: 1, kind: 'earned', amount: 9_500_00, fee: 500_00, balance: 9_500_00 },
      ]),
    quoteFee: () => ({ basis_points: 550, price: rub(0), fee: rub(0), seller_gets: rub(0) }),
    getOrder: orderOf,
    cancelOrder: (asking) => ({ ...orderOf(asking), status: 'cancelling' }),
    countOperations: () => ({
      by_status: {
        ...{ pending_payment: 3, paid: 7, in_delivery: 12, delivered: 4 },
        ...{ completed: 1204, cancelling: 1, cancelled: 88 },
      },
      needs_attention: 2,
    }),
    listOperations: () =>
      page(
        [
          makeOperationsOrder(11),
          makeOperationsOrder(12, { needs_attention: null, attention_since: null, status: 'completed' }),
        ],
        'next',
      ),
    getOrderStory: ({ params }) => found(params['id'] === uuid(2011) ? makeStory(11) : undefined),
    decideOnOrder: () => makeOperationsOrder(11, { needs_attention: null, attention_since: null }),
    acceptOrder: (asking) => ({ ...orderOf(asking), status: 'completed' }),
    listNotifications: () => ({ ...page(notifications), unread: notifications.filter(({ read }) => !read).length }),
    markRead: () => undefined,
    getPreferences: () => ({ email: true, in_app: true, muted: ['order_created'], email_blocked: null }),
    unblockEmail: () => undefined,
    unsubscribe: () => undefined,
    putPreferences: bodyOf,
    createReport: () => ({ id: report.id, status: 'processing', message: 'Your request is being processed' }),
    getReport: () => report,
    listReports: () => page([report]),
    resolveReport: () => ({ ...report, status: 'accepted', resolution: 'Снято' }),
    createUpload: () => ({
      media_id: uuid(5999),
      upload_url: `/v1/media/objects/${uuid(5999)}`,
      method: 'PUT',
      headers: { 'content-type': 'image/png' },
      expires_in: 600,
    }),
    completeUpload: () => ({
      id: uuid(5999),
      status: 'ready',
      rejection_reason: null,
      width: 800,
      height: 600,
      url: `/media/${uuid(5999)}/full.webp`,
      thumb_url: `/media/${uuid(5999)}/thumb.webp`,
    }),
    getMedia: ({ params }) => ({
      id: params['id'],
      status: 'ready',
      rejection_reason: null,
      width: 800,
      height: 600,
      url: null,
      thumb_url: `/media/${params['id']}/thumb.webp`,
    }),
  };

  const reply: FakeCore['reply'] = (id, answer) => {
    replies[id] = answer;
  };

  const api: SiteDeps['api'] = async (method, path, options) => {
    const found = findRoute(method, path);
    const spec: RouteSpec = routes[found.id];
    const asking: Asked = { ...found, options };
    asked.push(asking);
    try {
      if (needsToken(spec) && options.token === undefined) throw new ProblemError('unauthenticated');
      const answer = replies[found.id];
      if (!answer) throw new Error(`the fake core has no answer for ${found.id}`);
      const body = await answer(asking);
      if (body instanceof Response) return body;
      return spec.success.status === 204
        ? new Response(null, { status: 204 })
        : Response.json(body, { status: spec.success.status });
    } catch (error) {
      if (error instanceof ProblemError) return error.toResponse();
      throw error;
    }
  };
  return { api, asked, ads, orders, notifications, reply };
}

function findRoute(method: string, path: string): { id: OperationId; params: Record<string, string> } {
  for (const [id, route] of Object.entries(routes)) {
    const names: string[] = [];
    const pattern = route.path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, (_, name: string) => {
      names.push(name);
      return '([^/]+)';
    });
    const match = route.method === method ? new RegExp(`^${pattern}$`).exec(path) : null;
    if (match)
      return {
        id: id as OperationId,
        params: Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')])),
      };
  }
  throw new Error(`no operation answers ${method} ${path}`);
}
