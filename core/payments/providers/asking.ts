// What a partner's client throws, in the words of a payment provider.
import { PartnerRefusal, PartnerUnavailable } from '../../platform/http/partner.ts';
import { ProviderRefusal, ProviderUnavailable } from './provider.ts';

/** @param wording what a body of the provider's says about its refusal */
export async function asking<Answer>(
  call: Promise<Answer>,
  wording: (body: unknown) => string | undefined,
): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof PartnerRefusal) {
      throw new ProviderRefusal((wording(error.body) ?? error.message).slice(0, 300), { cause: error });
    }
    if (error instanceof PartnerUnavailable) throw new ProviderUnavailable(error.message, { cause: error });
    throw error;
  }
}
