// What every resource shares: ids, money, places, pages.
import { z } from 'zod';

/** Ids are UUIDv7: sortable by creation time (RFC 9562, section 5.7). */
const id = <const Brand extends string>(brand: Brand) => z.uuid().brand(brand);

export const AdId = id('AdId');
export const UserId = id('UserId');
export const OrderId = id('OrderId');
export const PaymentId = id('PaymentId');
export const ShipmentId = id('ShipmentId');
export const MediaId = id('MediaId');
export const ReportId = id('ReportId');
export const NotificationId = id('NotificationId');
export const ConversationId = id('ConversationId');
export const MessageId = id('MessageId');
export type AdId = z.infer<typeof AdId>;
export type UserId = z.infer<typeof UserId>;
export type OrderId = z.infer<typeof OrderId>;
export type PaymentId = z.infer<typeof PaymentId>;
export type ShipmentId = z.infer<typeof ShipmentId>;
export type MediaId = z.infer<typeof MediaId>;
export type ReportId = z.infer<typeof ReportId>;
export type NotificationId = z.infer<typeof NotificationId>;
export type ConversationId = z.infer<typeof ConversationId>;
export type MessageId = z.infer<typeof MessageId>;

export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as RUB')
  .meta({ example: 'RUB' });

/** An amount in the currency's minor units (kopecks, cents), never a fraction. */
export const Money = z
  .strictObject({ amount: z.int().min(0).max(100_000_000_000), currency: Currency })
  .meta({ id: 'Money', example: { amount: 1_500_000, currency: 'RUB' } });
export type Money = z.infer<typeof Money>;
/** An amount that is something. */
export const Price = Money.extend({ amount: Money.shape.amount.min(1, 'must be above zero') }).meta({ id: 'Price' });

export const Instant = z.iso.datetime({ offset: true }).meta({ example: '2026-11-24T10:00:00.000Z' });

/**
 * Text as people write it, without blanks around it. `max` counts them, and the pattern says what trimming means for
 * `min`, so that the OpenAPI document is true.
 */
export const text = (min: number, max: number, tooShort?: string) =>
  z
    .string()
    .max(max)
    .trim()
    .min(min, tooShort)
    .meta({ pattern: trimmedPattern(min) });
const trimmedPattern = (min: number): string => {
  if (min === 0) return String.raw`^[^\u0000]*$`;
  if (min === 1) return String.raw`^[^\u0000]*[^\s\u0000][^\u0000]*$`;
  return String.raw`^\s*[^\s\u0000][^\u0000]{${min - 2},}[^\s\u0000]\s*$`;
};

/** A name in the two languages of the storefront. */
export const LocalisedText = z.object({ ru: z.string(), en: z.string() });
export type LocalisedText = z.infer<typeof LocalisedText>;
export const Language = z.enum(['ru', 'en']);
export type Language = z.infer<typeof Language>;

/** Lower-case identifiers of categories, cities and pick-up points. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and dashes')
  .max(64);

/** Comma-separated in a query; `pattern` tells it where a schema can't say what is between the commas. */
export const list = <Item extends z.ZodType<string, string>>(
  item: Item,
  { max, maxLength, pattern }: { max: number; maxLength: number; pattern: string },
) =>
  z
    .string()
    .max(maxLength)
    .meta({ pattern: `^(${pattern})(,(${pattern})){0,${max - 1}}$` })
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(item).max(max));
const uuidPattern = '[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
/** Ids that are read at once. */
export const maxIds = 50;
export const ids = <Id extends z.ZodType<string, string>>(id: Id) =>
  list(id, { max: maxIds, maxLength: maxIds * 37 - 1, pattern: uuidPattern });

/** An opaque cursor: only what an earlier page returned as `next_cursor` is valid. */
export const Cursor = z.string().min(1).max(512);
export const Limit = z.coerce.number().int().min(1).max(100);
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next_cursor: Cursor.nullable() });

/** Chosen by the client, unique per thing it wants done (draft-ietf-httpapi-idempotency-key-header). */
export const IdempotencyKey = z.string().min(8, 'must have at least 8 characters').max(128);
