// CDEK's API as far as we use it: the shapes of its answers, its errors, and its OAuth token. https://api-docs.cdek.ru
import { z } from 'zod';
import { type Authorization, type Partner, PartnerRefusal, PartnerUnavailable } from '../../platform/http/partner.ts';
import { CourierRefusal, CourierUnavailable } from './courier.ts';

const ApiError = z.object({ code: z.string().max(200), message: z.string().max(2_000) });
type ApiError = z.output<typeof ApiError>;
const Request = z.object({
  type: z.string(),
  /** `ACCEPTED` and `WAITING` until `SUCCESSFUL` or `INVALID`; of the request, not of the order. */
  state: z.string(),
  errors: z.array(ApiError).nullish(),
});

/** What every method answers that changes something. */
export const Operation = z.object({
  entity: z.object({ uuid: z.uuid() }).nullish(),
  requests: z.array(Request).max(1_000),
});

export const CdekOrder = z.object({
  entity: z.object({
    uuid: z.uuid(),
    number: z.string().max(100).nullish(),
    cdek_number: z.coerce.string().max(50).nullish(),
    delivery_point: z.string().max(255).nullish(),
    planned_delivery_date: z.string().nullish(),
    statuses: z
      .array(z.object({ code: z.string().max(100), date_time: z.string(), reason_code: z.string().nullish() }))
      .max(1_000)
      .nullish(),
  }),
  requests: z.array(Request).max(1_000).nullish(),
});
export type CdekOrder = z.output<typeof CdekOrder>;

export const Tariff = z.object({
  delivery_sum: z.number().min(0),
  total_sum: z.number().min(0).nullish(),
  period_min: z.int().min(0),
  period_max: z.int().min(0),
  calendar_min: z.int().min(0).nullish(),
  calendar_max: z.int().min(0).nullish(),
  currency: z.string().nullish(),
});

export const CdekCities = z
  .array(z.object({ code: z.int(), city: z.string(), latitude: z.number().nullish(), longitude: z.number().nullish() }))
  .max(1_000);

export const CdekPoints = z
  .array(
    z.object({
      code: z.string().max(60),
      name: z.string().max(300).nullish(),
      work_time: z.string().max(300).nullish(),
      location: z.object({
        city_code: z.int().nullish(),
        latitude: z.number(),
        longitude: z.number(),
        address: z.string().max(300).nullish(),
        address_full: z.string().max(500).nullish(),
      }),
      is_reception: z.boolean().nullish(),
      is_handout: z.boolean().nullish(),
    }),
  )
  .max(5_000);
export type CdekPoint = z.output<typeof CdekPoints>[number];

export const PrintForm = z.object({
  entity: z.object({
    uuid: z.uuid(),
    statuses: z
      .array(z.object({ code: z.string() }))
      .max(100)
      .nullish(),
  }),
});

export const CdekEvent = z.object({
  type: z.string().max(100),
  uuid: z.uuid(),
  attributes: z
    .object({
      code: z.string().max(100).optional(),
      status_code: z.coerce.string().max(100).optional(),
      status_date_time: z.string().max(100).optional(),
    })
    .loose(),
});

const Failure = z.object({
  errors: z.array(ApiError).nullish(),
  requests: z.array(z.object({ errors: z.array(ApiError).nullish() })).nullish(),
});

/** All errors of an answer, whichever of its two ways CDEK tells them. */
export function errorsOf(body: unknown): readonly ApiError[] {
  const { data } = Failure.safeParse(body);
  return [...(data?.errors ?? []), ...(data?.requests ?? []).flatMap(({ errors }) => errors ?? [])];
}

/** Trouble of theirs, or of ours with them: it says nothing about the parcel, and passes. */
const passing = new Set([
  'v2_internal_error',
  'v2_similar_request_still_processed',
  'v2_token_expired',
  'v2_authorization_incorrect',
]);

/** Asks and checks the answer; refusals and silences become those of a courier. */
export function asking(partner: Partner) {
  return async <Schema extends z.ZodType>(schema: Schema, request: Parameters<Partner>[0]): Promise<z.output<Schema>> =>
    schema.parse(await heard(partner(request)));
}

export async function heard<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PartnerUnavailable) throw new CourierUnavailable(error.message, { cause: error });
    if (error instanceof PartnerRefusal) throw refusalOf(errorsOf(error.body), error.message, error);
    throw error;
  }
}

export function refusalOf(
  errors: readonly ApiError[],
  otherwise: string,
  cause?: unknown,
): CourierRefusal | CourierUnavailable {
  const message = errors.map(({ code, message: text }) => text || code).join('; ') || otherwise;
  const trouble = errors.find(({ code }) => passing.has(code));
  if (trouble) return new CourierUnavailable(trouble.code, { cause });
  return new CourierRefusal(errors[0]?.code ?? '', message.slice(0, 300), { cause });
}

const Token = z.object({ access_token: z.string().min(1), expires_in: z.number().min(0) });
/** Renewed so long before its end that no call carries one that has just run out. */
const renewBeforeMs = 60_000;

/** One token for all calls, got once however many need it at the same moment, and again when CDEK takes it no more. */
export function cdekAuthorization(options: {
  /** Without an authorization of its own. */
  readonly partner: Partner;
  readonly account: string;
  readonly password: string;
  readonly now: () => number;
}): Authorization {
  const { partner, account, password, now } = options;
  let known: { readonly header: string; readonly until: number } | undefined;
  let getting: Promise<string> | undefined;
  const get = async (): Promise<string> => {
    const form = { grant_type: 'client_credentials', client_id: account, client_secret: password };
    const request = { operation: 'token', method: 'POST', path: '/v2/oauth/token', form, readsOnly: true } as const;
    let answer: unknown;
    try {
      answer = await partner(request);
    } catch (error) {
      // A wrong password is for the operator to mend; parcels wait for that.
      if (error instanceof PartnerRefusal) throw new PartnerUnavailable(`token: ${error.status}`, { cause: error });
      throw error;
    }
    const { access_token, expires_in } = Token.parse(answer);
    known = { header: `Bearer ${access_token}`, until: now() + expires_in * 1_000 - renewBeforeMs };
    return known.header;
  };
  return {
    async header() {
      if (known && now() < known.until) return known.header;
      getting ??= get().finally(() => {
        getting = undefined;
      });
      return getting;
    },
    refused() {
      known = undefined;
      return true;
    },
  };
}
