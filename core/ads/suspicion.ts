// Signs in an ad's text for which a moderator looks at it before others do.

const contacts = [
  // A Russian phone number; what is part of a longer number or id is none.
  /(?<![\w-])(?:\+7|8|7)[\s(-]*\d{3}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2}(?![\w-])/u,
  /[\w.+-]+@[\w-]+\.[a-z]{2,}/iu,
  /https?:\/\/|(?<!\w)www\.|(?<!\w)t\.me\//iu,
  /(?<!\p{L})(?:telegram|whatsapp|вайбер|ватсап|телеграм(?:м)?)(?!\p{L})/iu,
];
const payment = [/предоплат/iu, /(?:перевод|оплата)\s+на\s+карту/iu, /western\s+union/iu, /(?<!\w)prepay/iu];
const forbidden = [
  /(?<!\p{L})(?:пистолет\p{L}*\s+боев|патроны|взрывчат|наркоти|марихуан|гашиш|поддельн\p{L}*\s+(?:паспорт|документ|диплом))/iu,
  /(?<!\w)(?:cocaine|heroin|fake\s+(?:passport|id|diploma)|live\s+ammunition)(?!\w)/iu,
];

export interface AdText {
  readonly title: string;
  readonly description: string;
}

/** Why an ad should be looked at first; empty when it may go straight to buyers. */
export function suspicions({ title, description }: AdText): string[] {
  const text = `${title}\n${description}`;
  const found = (signs: readonly RegExp[]): boolean => signs.some((sign) => sign.test(text));
  return [
    ...(found(contacts) ? ['contacts in the text'] : []),
    ...(found(payment) ? ['payment outside of the order'] : []),
    ...(found(forbidden) ? ['forbidden goods'] : []),
    ...(isShouting(title) ? ['a title in capitals'] : []),
  ];
}

function isShouting(title: string): boolean {
  const letters = title.match(/\p{L}/gu) ?? [];
  return letters.length >= 20 && letters.every((letter) => letter === letter.toUpperCase()) && /[!]{2}/u.test(title);
}
