// What every courier promises delivery, whichever company is behind it.
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PartnerOptions } from '../../platform/http/partner.ts';
import { silentLog } from '../../platform/telemetry/log.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import type { Company } from './company.testing.ts';
import { type Courier, CourierRefusal, CourierUnavailable, type NewCourierShipment, type To } from './courier.ts';

export interface CourierWorld<Its extends Company = Company> extends AsyncDisposable {
  readonly courier: Courier;
  readonly company: Its;
  readonly fromCity: string;
  readonly toCity: string;
  readonly to: To;
  /** A place where it doesn't go. */
  readonly toNowhere: To;
  readonly currency: string;
  /** Statuses that it was said to have and that changed nothing. */
  readonly unknown: string[];
  readonly secrets: readonly string[];
  /** What was logged meanwhile. */
  readonly written: string[];
}

/** How the adapters of tests reach their companies: short patience, and logs that are looked at afterwards. */
export function partnerOptions(written: string[]): Pick<PartnerOptions, 'log' | 'metrics' | 'timeoutMs'> {
  const write = (event: string, fields?: unknown): void => {
    written.push(`${event} ${JSON.stringify(fields)}`);
  };
  const log = { ...silentLog, warn: write, error: write };
  return { log, metrics: createMetrics({ part: 'test' }), timeoutMs: 400 };
}

export const nobodySleeps = async (): Promise<void> => undefined;

export function parcelTo(world: CourierWorld, change: Partial<NewCourierShipment> = {}): NewCourierShipment {
  const reference = uuidv7();
  return {
    idempotencyKey: `${reference}:register`,
    reference,
    fromCity: world.fromCity,
    to: world.to,
    recipient: { name: 'Анна Каренина', phone: '+79161234567', email: 'anna@example.test' },
    description: 'Велосипед «Аист»',
    declaredValue: { amount: 1_000_00, currency: world.currency },
    ...change,
  };
}

const isRegistration = ({ method, url }: Request): boolean =>
  method === 'POST' && /\/(orders|shipments|buy)$/.test(new URL(url).pathname);

export function courierContract(name: string, open: () => Promise<CourierWorld>): void {
  describe(`${name} keeps what couriers promise`, () => {
    let world: CourierWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world?.[Symbol.asyncDispose]());
    afterEach(async () => {
      world.company.faults.between = undefined;
    });
    const registers = (change?: Partial<NewCourierShipment>) => world.courier.register(parcelTo(world, change));
    const cancels = ({ courierId, reference }: { courierId: string; reference: string }) =>
      world.courier.cancel({ courierId, reference, idempotencyKey: `${reference}:cancel` });

    it('says what it costs and when it comes, to a city and to the very place', async () => {
      const { courier, fromCity, toCity, to, currency } = world;
      const method = to.kind === 'address' ? 'courier' : 'pickup_point';
      const declaredValue = { amount: 1_000_00, currency };
      for (const place of [{ kind: 'city', city: toCity } as const, to]) {
        const { price, estimated } = await courier.quote({ fromCity, method, to: place, declaredValue });
        expect(price).toEqual({ amount: expect.any(Number), currency });
        expect(Number.isSafeInteger(price.amount) && price.amount > 0).toBe(true);
        expect(estimated.from <= estimated.to && estimated.from >= new Date().toISOString().slice(0, 10)).toBe(true);
      }
    });

    it('refuses what it doesn’t do: strange money, and places where it doesn’t go', async () => {
      const { courier, fromCity, to, toNowhere, currency } = world;
      const quote = (place: To, money: string) =>
        courier.quote({
          ...{ fromCity, to: place, declaredValue: { amount: 100, currency: money } },
          method: place.kind === 'address' ? 'courier' : 'pickup_point',
        });
      await expect(quote(to, 'XTS')).rejects.toBeInstanceOf(CourierRefusal);
      await expect(quote(toNowhere, currency)).rejects.toBeInstanceOf(CourierRefusal);
      await expect(registers({ to: toNowhere })).rejects.toBeInstanceOf(CourierRefusal);
    });

    it('registers a parcel once, however often it is told to', async () => {
      const parcel = parcelTo(world);
      const first = await world.courier.register(parcel);
      expect(first).toMatchObject({ reference: parcel.reference, stage: 'created', reason: null });
      expect(first.trackingNumber).toMatch(/^\w{5,}$/);
      expect(await world.courier.register(parcel)).toMatchObject({ courierId: first.courierId });
      expect(world.company.parcels(parcel.reference)).toBe(1);
    });

    it('registers it once also where the answer gets lost', async () => {
      const parcel = parcelTo(world);
      let lost = 0;
      world.company.faults.between = async (request, forward) => {
        const answer = await forward();
        if (!isRegistration(request) || lost > 0) return answer;
        lost += 1;
        return new Response('gateway timeout', { status: 504 });
      };
      await world.courier.register(parcel).catch((error: unknown) => {
        expect(error).toBeInstanceOf(CourierUnavailable);
      });
      expect(lost).toBe(1);
      expect(await world.courier.register(parcel)).toMatchObject({ reference: parcel.reference, stage: 'created' });
      expect(world.company.parcels(parcel.reference)).toBe(1);
    });

    it('says where the parcel is, in our stages', async () => {
      const { courierId, reference } = await registers();
      for (const [stage, word] of Object.entries(world.company.words)) {
        await world.company.says(courierId, word);
        expect(await world.courier.get(courierId)).toMatchObject({ courierId, reference, stage });
      }
    });

    it('tells no stage of a status that nobody knows, and that there was one', async () => {
      const { courierId } = await registers();
      await world.company.says(courierId, 'TELEPORTED');
      const { stage } = await world.courier.get(courierId);
      expect([null, 'created']).toContain(stage);
      expect(world.unknown).toContain('TELEPORTED');
    });

    it('cancels until it has the parcel', async () => {
      const early = await registers();
      expect(await cancels(early)).toMatchObject({ stage: 'cancelled', reference: early.reference });
      expect(await cancels(early)).toMatchObject({ stage: 'cancelled' });
      const late = await registers();
      await world.company.says(late.courierId, world.company.words.in_transit ?? '');
      await expect(cancels(late)).rejects.toBeInstanceOf(CourierRefusal);
      expect(await world.courier.get(late.courierId)).toMatchObject({ stage: 'in_transit' });
    });

    it('makes a label that is a PDF', async () => {
      const { courierId } = await registers();
      const label = await world.courier.label(courierId);
      expect(new TextDecoder('latin1').decode(label)).toMatch(/^%PDF-1\.[\s\S]*%%EOF\s*$/);
    });

    it('has pick-up points that are its own, and knows each again', async () => {
      const { courier, toCity } = world;
      const points = await courier.pickupPoints(toCity);
      for (const point of points) {
        expect(courier.ownsPickupPoint(point.id)).toBe(true);
        expect(point.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(point.city).toBe(toCity);
      }
      const [first] = points;
      if (first) {
        expect(await courier.pickupPoint(first.id)).toEqual(first);
        expect(await courier.pickupPoint(`${first.id}99`)).toBeNull();
      }
    });

    it.each([
      ['is silent', () => new Promise<Response>(() => undefined)],
      ['has too much to do', async () => new Response('{"message":"slow down"}', { status: 429 })],
      ['is in trouble', async () => new Response('oops', { status: 503 })],
      ['talks nonsense', async () => new Response('<html>')],
    ])('is unavailable while the company %s, and says so', async (_how, answer) => {
      await using other = await open();
      const { courierId } = await other.courier.register(parcelTo(other));
      other.company.faults.between = answer;
      await expect(other.courier.get(courierId)).rejects.toBeInstanceOf(CourierUnavailable);
    });

    it('hears of what happened, however often the company tells it', async () => {
      const { courierId } = await registers();
      await world.company.says(courierId, world.company.words.in_transit ?? '');
      const webhook = await world.company.webhook(courierId);
      const news = world.courier.parseWebhook(webhook);
      expect(news).toEqual(world.courier.parseWebhook(webhook));
      if (news.kind === 'nothing') throw new Error('it is about something');
      expect(news.kind === 'word' ? news.shipment : news).toMatchObject({ courierId, stage: 'in_transit' });
      await world.company.says(courierId, world.company.words.delivered ?? '');
      expect(world.courier.parseWebhook(await world.company.webhook(courierId))).not.toMatchObject({
        eventId: news.eventId,
      });
    });

    it('believes no webhook that anybody could have sent, and none that makes no sense', async () => {
      const { courierId } = await registers();
      const webhook = await world.company.webhook(courierId);
      const unsigned = { ...webhook, headers: new Headers(), query: new URLSearchParams() };
      const wrong = {
        ...unsigned,
        query: new URLSearchParams({ token: 'wrong' }),
        headers: new Headers({ 'x-hmac-signature': 'x', 'x-signature': 't=1,v1=x' }),
      };
      for (const forged of [unsigned, wrong]) {
        expect(() => world.courier.parseWebhook(forged)).toThrow(
          expect.objectContaining({ code: 'invalid-signature' }),
        );
      }
    });

    it('keeps its secrets out of errors and logs', async () => {
      await using other = await open();
      other.company.faults.between = async () => Response.json({ error: { message: 'no' } }, { status: 400 });
      const failures = await Promise.allSettled([
        other.courier.register(parcelTo(other)),
        other.courier.get('8a2f6c1e-0000-4000-8000-000000000000'),
        other.courier.pickupPoints(other.toCity),
      ]);
      const said = failures.map((each) => (each.status === 'rejected' ? inspected(each.reason) : '')).join('\n');
      for (const secret of other.secrets) expect([said, ...other.written].join('\n')).not.toContain(secret);
    });
  });
}

/** All that a log line could show of an error. */
function inspected(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error), inspected(error.cause)].join('\n');
}
