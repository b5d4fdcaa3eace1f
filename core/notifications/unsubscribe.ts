// One-click unsubscribing (RFC 8058): the token in a mail says who ends such mails, and needs no sign-in.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { UserId } from '../../contracts/common.ts';

/** Without an end: a mail may be found years later. It turns mails off and can do nothing else. */
export const unsubscribeToken = (userId: UserId, secret: string): string =>
  `${userId}.${signatureOf(userId, secret).toString('base64url')}`;

/** Whose token it is; null for what we have not made. */
export function readUnsubscribeToken(token: string, secret: string): UserId | null {
  const [id = '', signature = ''] = token.split('.', 2);
  const userId = UserId.safeParse(id);
  if (!userId.success) return null;
  const given = Buffer.from(signature, 'base64url');
  const expected = signatureOf(userId.data, secret);
  return given.length === expected.length && timingSafeEqual(given, expected) ? userId.data : null;
}

const signatureOf = (userId: UserId, secret: string): Buffer =>
  createHmac('sha256', secret).update(`unsubscribe:${userId}`).digest();

/** `link` opens a page in a browser, and takes the mail program's one-click request. */
export const unsubscribeHeaders = (link: string): Readonly<Record<string, string>> => ({
  'List-Unsubscribe': `<${link}>`,
  'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
});

/** What an address is known by where it may not be kept. */
export const addressMark = (address: string, secret: string): string =>
  createHmac('sha256', secret).update(`address:${address.trim().toLowerCase()}`).digest('base64url');
