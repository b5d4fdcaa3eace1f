// CDEK for tests, after https://api-docs.cdek.ru: tokens, cities, points, tariffs, orders that it decides about later.
import { randomUUID } from 'node:crypto';
import { Hono } from 'hono';
import { z } from 'zod';
import { cities } from '../../platform/catalogue/cities.ts';
import { type Company, openWay, pdf } from './company.testing.ts';

export const account = 'the account of this test';
export const password = 'the password of this test';
export const webhookToken = 'the token of this test';

/** The documentation of order registration: what is mandatory, and what excludes what. */
const NewOrder = z
  .object({
    type: z.literal(1),
    number: z.string().regex(/^[\x20-\x7e]{1,40}$/),
    tariff_code: z.int(),
    shipment_point: z.string(),
    delivery_point: z.string().optional(),
    to_location: z.object({ code: z.int(), address: z.string().min(1).max(255) }).optional(),
    recipient: z.object({
      name: z.string().min(1).max(255),
      phones: z.array(z.object({ number: z.string().regex(/^\+\d{7,15}$/) })).min(1),
    }),
    packages: z
      .array(
        z.object({
          number: z.string(),
          weight: z.int().min(1),
          length: z.int(),
          width: z.int(),
          height: z.int(),
          items: z
            .array(
              z.object({
                name: z.string().min(1).max(255),
                ware_key: z.string().min(1),
                payment: z.object({ value: z.number() }),
                cost: z.number(),
                weight: z.int(),
                amount: z.int().min(1),
              }),
            )
            .min(1),
        }),
      )
      .min(1),
  })
  .refine(({ delivery_point, to_location }) => (delivery_point === undefined) !== (to_location === undefined));

type Errors = { code: string; message: string }[];
interface Request {
  type: string;
  state: string;
  date_time: string;
  errors?: Errors;
}
interface Order {
  readonly uuid: string;
  readonly body: z.output<typeof NewOrder>;
  cdek_number: string | undefined;
  statuses: { code: string; name: string; date_time: string }[];
  requests: Request[];
}

/** CDEK's codes of our cities. */
export const codes = new Map(cities.map(({ id }, index) => [id, 40 + index]));

export interface Cdek extends Company {
  /** How many questions about an order it answers before it has decided. */
  decidesAfter: number;
  /** It decides nothing as long as this is true. */
  isThinking: boolean;
  /** What it then says no with. */
  refusal: Errors | undefined;
  /** Tokens that it still takes. */
  readonly tokens: Set<string>;
  tokenSeconds: number;
  readonly pointsPerCity: number;
}

export async function openCdek({ pointsPerCity = 5 } = {}): Promise<Cdek> {
  const app = new Hono();
  const orders = new Map<string, Order>();
  const waits = new Map<string, number>();
  const forms = new Map<string, number>();
  const tokens = new Set<string>();
  const way = await openWay(app);
  let clock = Date.parse('2026-11-25T10:00:00Z');
  const time = (): string => {
    clock += 1_000;
    return `${new Date(clock).toISOString().slice(0, 19)}+0000`;
  };
  const invalid = (type: string, errors: Errors) => ({
    requests: [{ request_uuid: randomUUID(), type, date_time: time(), state: 'INVALID', errors, warnings: [] }],
    related_entities: [],
  });
  const missing = (what: string): Errors => [{ code: `v2_entity_not_found${what}`, message: 'Entity is not found' }];
  const accepted = (uuid: string, type: string) => ({
    entity: { uuid },
    requests: [{ request_uuid: randomUUID(), type, date_time: time(), state: 'ACCEPTED', errors: [], warnings: [] }],
    related_entities: [],
  });
  const points = cities.flatMap((city) =>
    Array.from({ length: pointsPerCity }, (_, index) => ({
      code: `${city.id.slice(0, 3).toUpperCase()}${index + 1}`,
      name: `На улице ${index + 1}`,
      location: {
        country_code: 'RU',
        city_code: codes.get(city.id),
        city: city.name.ru,
        latitude: city.latitude + index * 0.001,
        longitude: city.longitude,
        address: `ул. Ленина, ${index + 1}`,
        address_full: `Россия, ${city.name.ru}, ул. Ленина, ${index + 1}`,
      },
      work_time: 'Пн-Вс 10:00-20:00',
      type: index % 2 === 0 ? 'PVZ' : 'POSTAMAT',
      is_handout: true,
      is_reception: index % 2 === 0,
    })),
  );

  app.post('/v2/oauth/token', async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const isRight =
      form.get('grant_type') === 'client_credentials' &&
      form.get('client_id') === account &&
      form.get('client_secret') === password;
    if (!isRight) return c.json({ error: 'invalid_client', error_description: 'Bad client credentials' }, 401);
    const token = randomUUID();
    tokens.add(token);
    return c.json({ access_token: token, token_type: 'bearer', expires_in: company.tokenSeconds, scope: 'order:all' });
  });
  app.use(async (c, next) => {
    const token = c.req.header('authorization')?.replace('Bearer ', '');
    if (!token || !tokens.has(token))
      return c.json(invalid('AUTH', [{ code: 'v2_token_expired', message: 'Token expired' }]), 401);
    return next();
  });
  app.get('/v2/location/cities', (c) => {
    const named = cities.filter(({ name }) => name.ru === c.req.query('city'));
    return c.json(
      named.flatMap(({ id, name, latitude, longitude }) => [
        // A village of the same name, far away.
        { code: 9_000, city: name.ru, country_code: 'RU', latitude: latitude - 5, longitude: longitude + 9 },
        { code: codes.get(id), city: name.ru, country_code: 'RU', latitude, longitude },
      ]),
    );
  });
  app.get('/v2/deliverypoints', (c) => {
    const { code, city_code, size = '1000', page = '0' } = c.req.query();
    const found = points.filter(
      (point) =>
        (code === undefined || point.code === code) &&
        (city_code === undefined || String(point.location.city_code) === city_code),
    );
    return c.json(found.slice(Number(page) * Number(size), (Number(page) + 1) * Number(size)));
  });
  app.post('/v2/calculator/tariff', async (c) => {
    const { tariff_code, from_location, to_location, currency } = (await c.req.json()) as {
      tariff_code: number;
      from_location: { code: number };
      to_location: { code: number };
      currency: number;
    };
    if (to_location.code === codes.get('sochi')) {
      return c.json({ errors: [{ code: 'v2_tariff_is_not_available', message: 'Тариф недоступен' }] }, 400);
    }
    const near = from_location.code === to_location.code;
    const sum = (tariff_code === 137 ? 410.5 : 250) + (near ? 0 : 100);
    return c.json({
      delivery_sum: sum,
      total_sum: sum + 0.75,
      period_min: 2,
      period_max: near ? 2 : 4,
      calendar_min: 2,
      calendar_max: near ? 2 : 5,
      weight_calc: 2000,
      currency: currency === 1 ? 'RUB' : 'KZT',
      services: [{ code: 'INSURANCE', sum: 0.75 }],
    });
  });

  const decide = (order: Order): void => {
    const [creation] = order.requests;
    if (creation?.state !== 'ACCEPTED' || company.isThinking) return;
    const left = waits.get(order.uuid) ?? 0;
    waits.set(order.uuid, left - 1);
    if (left > 0) return;
    const twin = orders
      .values()
      .some((each) => each !== order && each.body.number === order.body.number && each.cdek_number);
    const errors = twin
      ? [{ code: 'error_validate_im_dep_number_has_already_had_integration', message: 'Номер не уникальный' }]
      : company.refusal;
    creation.state = errors ? 'INVALID' : 'SUCCESSFUL';
    if (errors) {
      creation.errors = errors;
      order.statuses.push({ code: 'INVALID', name: 'Некорректный заказ', date_time: time() });
      return;
    }
    order.cdek_number = String(1_100_000_000 + orders.size);
    order.statuses.push({ code: 'CREATED', name: 'Создан', date_time: time() });
  };
  const present = ({ uuid, body, cdek_number, statuses, requests }: Order) => ({
    entity: {
      uuid,
      is_return: false,
      ...(cdek_number === undefined ? {} : { cdek_number }),
      ...body,
      planned_delivery_date: '2026-11-30',
      // The newest first.
      statuses: statuses.toReversed(),
    },
    requests,
    related_entities: [],
  });
  app.post('/v2/orders', async (c) => {
    const parsed = NewOrder.safeParse(await c.req.json());
    if (!parsed.success) {
      return c.json(invalid('CREATE', [{ code: 'v2_field_is_empty', message: z.prettifyError(parsed.error) }]), 400);
    }
    const uuid = randomUUID();
    const order: Order = {
      uuid,
      body: parsed.data,
      cdek_number: undefined,
      statuses: [{ code: 'ACCEPTED', name: 'Принят', date_time: time() }],
      requests: [{ type: 'CREATE', state: 'ACCEPTED', date_time: time() }],
    };
    orders.set(uuid, order);
    waits.set(uuid, company.decidesAfter);
    return c.json(accepted(uuid, 'CREATE'), 202);
  });
  app.get('/v2/orders', (c) => {
    const order = [...orders.values()].findLast(({ body }) => body.number === c.req.query('im_number'));
    if (!order) return c.json(invalid('GET', missing('_im_number')), 400);
    decide(order);
    return c.json(present(order));
  });
  app.get('/v2/orders/:uuid', (c) => {
    const order = orders.get(c.req.param('uuid'));
    if (!order) return c.json(invalid('GET', missing('')), 400);
    decide(order);
    return c.json(present(order));
  });
  app.delete('/v2/orders/:uuid', (c) => {
    const order = orders.get(c.req.param('uuid'));
    if (!order) return c.json(invalid('DELETE', missing('')), 400);
    const isNew = order.statuses.at(-1)?.code === 'CREATED';
    order.requests.push({
      type: 'DELETE',
      date_time: time(),
      ...(isNew
        ? { state: 'SUCCESSFUL' }
        : { state: 'INVALID', errors: [{ code: 'v2_order_forbidden', message: 'Заказ уже в работе' }] }),
    });
    if (isNew) order.statuses.push({ code: 'REMOVED', name: 'Удален', date_time: time() });
    return c.json(accepted(order.uuid, 'DELETE'), 202);
  });
  app.post('/v2/print/barcodes', async (c) => {
    const { orders: named } = (await c.req.json()) as { orders: { order_uuid: string }[] };
    if (!named.every(({ order_uuid }) => orders.has(order_uuid))) return c.json(invalid('CREATE', missing('')), 400);
    const uuid = randomUUID();
    forms.set(uuid, 1);
    return c.json(accepted(uuid, 'CREATE'), 202);
  });
  app.get('/v2/print/barcodes/:form', (c) => {
    const form = c.req.param('form');
    if (form.endsWith('.pdf')) return c.body(pdf, 200, { 'content-type': 'application/pdf' });
    const left = forms.get(form) ?? 0;
    forms.set(form, left - 1);
    const statuses = [{ code: 'ACCEPTED' }, ...(left > 0 ? [{ code: 'PROCESSING' }] : [{ code: 'READY' }])];
    return c.json({
      entity: { uuid: form, statuses: statuses.map((each) => ({ ...each, date_time: time() })) },
      requests: [],
    });
  });

  const find = (courierId: string): Order => {
    const order = orders.get(courierId);
    if (!order) throw new Error(`no order ${courierId}`);
    return order;
  };
  const company: Cdek = {
    ...way,
    decidesAfter: 0,
    isThinking: false,
    refusal: undefined,
    tokens,
    tokenSeconds: 3_600,
    pointsPerCity,
    words: {
      accepted: 'RECEIVED_AT_SHIPMENT_WAREHOUSE',
      in_transit: 'SENT_TO_RECIPIENT_CITY',
      at_pickup_point: 'ACCEPTED_AT_PICK_UP_POINT',
      delivered: 'DELIVERED',
      returned: 'NOT_DELIVERED',
    },
    parcels: (reference) =>
      [...orders.values()].filter(({ body, cdek_number }) => body.number === reference && cdek_number !== undefined)
        .length,
    async says(courierId, code) {
      find(courierId).statuses.push({ code, name: code, date_time: time() });
    },
    async webhook(courierId) {
      const order = find(courierId);
      const { code, date_time } = order.statuses.at(-1) ?? { code: '', date_time: '' };
      const event = {
        type: 'ORDER_STATUS',
        date_time,
        uuid: courierId,
        attributes: {
          is_return: false,
          cdek_number: order.cdek_number,
          number: order.body.number,
          code,
          status_code: '3',
          status_date_time: date_time,
          city_name: 'Новосибирск',
          city_code: '270',
        },
      };
      return {
        headers: new Headers({ 'content-type': 'application/json' }),
        query: new URLSearchParams({ token: webhookToken }),
        body: new TextEncoder().encode(JSON.stringify(event)),
        now: new Date(),
      };
    },
  };
  return company;
}
