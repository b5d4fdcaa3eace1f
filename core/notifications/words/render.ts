// A notification in words: a message for the app, and a mail as text and as HTML.
import { html } from 'hono/html';
import type { Language } from '../../../contracts/common.ts';
import type { NotificationRow, OrderRow } from '../store.ts';
import { en } from './en.ts';
import { type Facts, factsOf } from './facts.ts';
import { ru } from './ru.ts';
import type { Message, Words } from './words.ts';

type Told = Pick<NotificationRow, 'kind' | 'order_id' | 'parameters'>;
type Mailed = Told & Pick<NotificationRow, 'link'>;

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

/** Where a mail's links lead. */
export interface MailLinks {
  readonly publicUrl: string;
  /** Null where the mail can't be ended. */
  readonly unsubscribe: string | null;
}

export function mailOf(
  notification: Mailed,
  order: OrderRow | undefined,
  reader: MailReader,
  { publicUrl, unsubscribe }: MailLinks,
): RenderedMail {
  const words = languages[reader.language];
  const facts = explained(notification, order, reader.language);
  const message = words.messages[notification.kind](facts);
  const rows = rowsOf(notification, facts, words);
  const link = linkOf(notification, words, publicUrl);
  const footer = footerOf([notification], words);
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
      link && `${link.text}: ${link.href}`,
      `-- \n${footer}`,
      unsubscribe && `${words.unsubscribe}: ${unsubscribe}`,
    ]
      .filter(Boolean)
      .join('\n\n')
      .concat('\n'),
    html: htmlOf({ language: reader.language, words, footer, title: message.title, unsubscribe }, [
      textBlock(html`${greeting}<br>${message.text}`),
      rowsBlock(rows),
      ...(link === null ? [] : [buttonBlock(link.href, link.text)]),
    ]),
  };
}

/** Several notices in one mail, oldest first. */
export function digestOf(
  notices: readonly { readonly notification: Mailed; readonly order: OrderRow | undefined }[],
  reader: MailReader,
  { publicUrl, unsubscribe }: MailLinks,
): RenderedMail {
  const words = languages[reader.language];
  const title = words.digest(notices.length);
  const greeting = words.greeting(oneLine(reader.name));
  const pieces = notices.map(({ notification, order }) => {
    const facts = explained(notification, order, reader.language);
    const message = words.messages[notification.kind](facts);
    return { message, rows: rowsOf(notification, facts, words), link: linkOf(notification, words, publicUrl) };
  });
  const footer = footerOf(
    notices.map(({ notification }) => notification),
    words,
  );
  return {
    subject: title.slice(0, longestSubject),
    text: [
      greeting,
      ...pieces.map(({ message, rows, link }) =>
        [
          `* ${message.title}`,
          message.text,
          ...rows.map(([label, value]) => `${label}: ${oneLine(value)}`),
          ...(link === null ? [] : [`${link.text}: ${link.href}`]),
        ].join('\n'),
      ),
      `-- \n${footer}`,
      unsubscribe && `${words.unsubscribe}: ${unsubscribe}`,
    ]
      .filter(Boolean)
      .join('\n\n')
      .concat('\n'),
    html: htmlOf({ language: reader.language, words, footer, title, unsubscribe }, [
      textBlock(greeting),
      ...pieces.flatMap(({ message, rows, link }) => [
        titleBlock(message.title, 17),
        textBlock(message.text),
        rowsBlock(rows),
        ...(link === null ? [] : [buttonBlock(link.href, link.text)]),
      ]),
    ]),
  };
}

interface Link {
  readonly href: string;
  readonly text: string;
}

/** Mails lead to orders and to conversations; other notices are read in the list. */
function linkOf({ kind, order_id, link }: Mailed, words: Words, publicUrl: string): Link | null {
  const base = publicUrl.replace(/\/$/, '');
  if (order_id) return { href: `${base}/orders/${order_id}`, text: words.openOrder };
  return kind === 'messages_unread' && link ? { href: base + link, text: words.openConversation } : null;
}

const footerOf = (told: readonly Told[], words: Words): string =>
  told.every(({ kind }) => kind === 'messages_unread') ? words.chatFooter : words.footer;

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

type Html = ReturnType<typeof html>;

interface Frame {
  readonly language: Language;
  readonly words: Words;
  readonly footer: string;
  readonly title: string;
  readonly unsubscribe: string | null;
}

const font = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

const titleBlock = (title: string, size: number): Html =>
  html`<tr><td style="padding:0 28px 8px;${font};font-size:${size}px;line-height:1.3;font-weight:700;color:#111827">${title}</td></tr>
`;

const textBlock = (text: string | Html): Html =>
  html`<tr><td style="padding:0 28px 20px;${font};font-size:16px;line-height:1.5;color:#374151">${text}</td></tr>
`;

const rowsBlock = (rows: readonly Row[]): Html => html`<tr><td style="padding:0 28px 20px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-top:1px solid #e5e7eb">
${rows.map(
  ([label, value]) => html`<tr>
<td style="padding:8px 12px 8px 0;border-bottom:1px solid #e5e7eb;${font};font-size:14px;color:#6b7280;vertical-align:top">${label}</td>
<td style="padding:8px 0;border-bottom:1px solid #e5e7eb;${font};font-size:14px;color:#111827;word-break:break-word">${value}</td>
</tr>
`,
)}</table>
</td></tr>
`;

const buttonBlock = (link: string, text: string): Html =>
  html`<tr><td style="padding:0 28px 28px"><a href="${link}" style="display:inline-block;padding:12px 20px;border-radius:8px;background:#0f766e;${font};font-size:16px;font-weight:600;color:#ffffff;text-decoration:none">${text}</a></td></tr>
`;

/** Mail programs know tables and styles in attributes; the rest they leave out. */
function htmlOf({ language, words, footer, title, unsubscribe }: Frame, blocks: readonly Html[]): string {
  return String(html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>${title}</title>
</head>
<body style="margin:0;padding:0;background:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f4f6">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;background:#ffffff;border-radius:12px">
<tr><td style="padding:28px 28px 8px;${font};font-size:14px;font-weight:700;color:#0f766e">Lotok</td></tr>
${titleBlock(title, 22)}${blocks}</table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px">
<tr><td style="padding:16px 28px;${font};font-size:12px;line-height:1.5;color:#6b7280">${footer}${unsubscribe === null ? '' : html`<br><a href="${unsubscribe}" style="color:#6b7280">${words.unsubscribe}</a>`}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
