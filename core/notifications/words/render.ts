// A notification in words: a message for the app, and a mail as text and as HTML.
import { html } from 'hono/html';
import type { Language } from '../../../contracts/common.ts';
import type { NotificationRow, OrderRow } from '../store.ts';
import { en } from './en.ts';
import { type Facts, factsOf } from './facts.ts';
import { ru } from './ru.ts';
import type { Message, Words } from './words.ts';

type Told = Pick<NotificationRow, 'kind' | 'order_id' | 'parameters'>;

const languages: Readonly<Record<Language, Words>> = { ru, en };
const longestSubject = 150;

export function messageOf(notification: Told, order: OrderRow | undefined, language: Language): Message {
  return languages[language].messages[notification.kind](explained(notification, order, language));
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface MailReader {
  readonly name: string;
  readonly language: Language;
}

export function mailOf(
  notification: Told,
  order: OrderRow | undefined,
  reader: MailReader,
  publicUrl: string,
): RenderedMail {
  const words = languages[reader.language];
  const facts = explained(notification, order, reader.language);
  const message = words.messages[notification.kind](facts);
  const rows = rowsOf(notification, facts, words);
  const link = notification.order_id && `${publicUrl.replace(/\/$/, '')}/orders/${notification.order_id}`;
  const greeting = words.greeting(oneLine(reader.name));
  return {
    subject: oneLine(facts.title === null ? message.title : `${message.title}: ${facts.title}`).slice(
      0,
      longestSubject,
    ),
    text: [
      greeting,
      message.text,
      rows.map(([label, value]) => `${label}: ${oneLine(value)}`).join('\n'),
      link && `${words.openOrder}: ${link}`,
      `-- \n${words.footer}`,
    ]
      .filter(Boolean)
      .join('\n\n')
      .concat('\n'),
    html: htmlOf({ language: reader.language, words, message, greeting, rows, link }),
  };
}

/** Codes of reasons become words, and words of others stay as they are. A code that we don't know is no word. */
function explained({ kind, parameters }: Told, order: OrderRow | undefined, language: Language): Facts {
  const { reasons } = languages[language];
  const facts = factsOf(parameters, order, language);
  // The total has the delivery in it, which isn't what a seller gets.
  const total = kind.startsWith('sale_') ? null : facts.total;
  const isCode = facts.reason !== null && /^[a-z0-9]+([_.-][a-z0-9]+)*$/.test(facts.reason);
  const otherwise = isCode ? (kind === 'payment_failed' ? reasons['payment_declined'] : null) : facts.reason;
  const reason = (facts.reason && reasons[facts.reason]) || otherwise;
  return { ...facts, total, reason: reason?.replace(/[.\s]+$/, '') ?? null };
}

type Row = readonly [label: string, value: string];

function rowsOf({ kind, order_id }: Told, facts: Facts, { labels }: Words): Row[] {
  const coming = kind === 'order_paid' || kind === 'order_shipped' || kind === 'sale_paid';
  const rows: readonly (readonly [string, string | null])[] = [
    [labels.order, order_id],
    [labels.item, facts.title],
    [labels.total, facts.total],
    [labels.estimated, coming ? facts.estimated : null],
    [labels.pickupPoint, kind === 'order_at_pickup_point' ? facts.pickupPoint : null],
    [labels.trackingNumber, coming || kind === 'order_at_pickup_point' ? facts.trackingNumber : null],
    [labels.reason, facts.reason],
  ];
  return rows.filter((row): row is Row => row[1] !== null);
}

interface HtmlParts {
  readonly language: Language;
  readonly words: Words;
  readonly message: Message;
  readonly greeting: string;
  readonly rows: readonly Row[];
  readonly link: string | null;
}

/** Mail programs know tables and styles in attributes; the rest they leave out. */
function htmlOf({ language, words, message, greeting, rows, link }: HtmlParts): string {
  const font = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
  return String(html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${message.title}</title>
</head>
<body style="margin:0;padding:0;background:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f4f6">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;background:#ffffff;border-radius:12px">
<tr><td style="padding:28px 28px 8px;${font};font-size:14px;font-weight:700;color:#0f766e">Lotok</td></tr>
<tr><td style="padding:0 28px 8px;${font};font-size:22px;line-height:1.3;font-weight:700;color:#111827">${message.title}</td></tr>
<tr><td style="padding:0 28px 20px;${font};font-size:16px;line-height:1.5;color:#374151">${greeting}<br>${message.text}</td></tr>
<tr><td style="padding:0 28px 20px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-top:1px solid #e5e7eb">
${rows.map(
  ([label, value]) => html`<tr>
<td style="padding:8px 12px 8px 0;border-bottom:1px solid #e5e7eb;${font};font-size:14px;color:#6b7280;vertical-align:top">${label}</td>
<td style="padding:8px 0;border-bottom:1px solid #e5e7eb;${font};font-size:14px;color:#111827;word-break:break-word">${value}</td>
</tr>
`,
)}</table>
</td></tr>
${
  link === null
    ? ''
    : html`<tr><td style="padding:0 28px 28px"><a href="${link}" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#0f766e;${font};font-size:16px;font-weight:600;color:#ffffff;text-decoration:none">${words.openOrder}</a></td></tr>
`
}</table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px">
<tr><td style="padding:16px 28px;${font};font-size:12px;line-height:1.5;color:#6b7280">${words.footer}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
