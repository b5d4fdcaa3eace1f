// What chat does: the buyer of an ad and its seller write to each other, and nobody else reads it.
import { createHash } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import type { Photo } from '../../contracts/ads.ts';
import type { Conversation, Message, NewMessage, ReportedMessage } from '../../contracts/chat.ts';
import type { AdId, ConversationId, MediaId, MessageId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { type ChatReadMessage, userChannel } from '../../contracts/stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { Db, ListPlace, MessageRow, Quota, SeenRow, Trx } from './store.ts';
import * as store from './store.ts';

export interface ChatOptions {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/** A lively talk passes; who writes to everybody does not. */
const quotas: Readonly<Record<Quota, { readonly most: number; readonly perMinute: number }>> = {
  messages: { most: 30, perMinute: 30 },
  conversations: { most: 20, perMinute: 1 },
};

const noConversation = (): ProblemError => new ProblemError('not-found', { detail: 'You have no such conversation' });

/** What its buyer has with the seller of an ad; also when the ad is off by now, but then nothing new begins. */
export async function startConversation(options: ChatOptions, buyer: UserId, adId: AdId): Promise<Conversation> {
  const { db, clock } = options;
  const known = await store.findConversation(db, adId, buyer);
  if (known) return getConversation(options, buyer, known.id);
  const ad = await store.readAd(db, adId);
  if (ad?.seller_id === buyer) throw new ProblemError('own-ad', { detail: 'The ad is your own' });
  if (!ad || !isPublic(ad.status)) throw new ProblemError('not-found', { detail: 'There is no such ad' });
  if (await store.isBlocked(db, buyer, ad.seller_id)) throw blocked();

  const id = uuidv7() as ConversationId;
  const now = clock.now();
  const inserted = await db
    .transaction()
    .execute(async (trx) => {
      await spend(trx, buyer, 'conversations', now);
      if (!(await store.insertConversation(trx, { id, ad, buyer, now }))) throw new Overtaken();
      return true;
    })
    .catch((error: unknown) => {
      if (error instanceof Overtaken) return false;
      throw error;
    });
  const mine = inserted ? { id } : await store.findConversation(db, adId, buyer);
  if (!mine) throw new ProblemError('request-in-progress', { headers: { 'retry-after': '1' } });
  return getConversation(options, buyer, mine.id);
}

/** The same buyer asked twice at the same moment. */
class Overtaken extends Error {}

const isPublic = (status: string): boolean => status === 'active' || status === 'reserved' || status === 'sold';

export async function getConversation({ db }: ChatOptions, user: UserId, id: ConversationId): Promise<Conversation> {
  const row = await store.readSeen(db, user, id);
  if (!row) throw noConversation();
  return present(row);
}

export async function listConversations(
  { db }: ChatOptions,
  user: UserId,
  { after, limit }: { after: ListPlace | undefined; limit: number },
): Promise<{ items: Conversation[]; next: ListPlace | null; unread: number }> {
  const rows = await store.listSeen(db, user, { after, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(present),
    next: last?.last_message_at ? { at: last.last_message_at.toISOString(), id: last.id } : null,
    unread: await store.countUnread(db, user),
  };
}

export async function listMessages(
  { db }: ChatOptions,
  user: UserId,
  id: ConversationId,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<{ items: Message[]; next: number | null }> {
  if (!(await store.readSeen(db, user, id))) throw noConversation();
  const rows = await store.listMessages(db, id, { before, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  return {
    items: shown.map(messageOf),
    next: rows.length > limit ? (shown.at(-1)?.number ?? null) : null,
  };
}

/** One key makes one message in a conversation, however often it is sent. */
export async function sendMessage(
  options: ChatOptions,
  sender: UserId,
  id: ConversationId,
  { key, message: { text, attachments } }: { key: string; message: NewMessage },
): Promise<Message> {
  const { db, outbox, clock } = options;
  const conversation = await store.readSeen(db, sender, id);
  if (!conversation) throw noConversation();
  const requestHash = createHash('sha256')
    .update(JSON.stringify([text, attachments]))
    .digest('hex');
  const first = await store.findByKey(db, id, sender, key);
  if (first) return repeated(first, requestHash);
  if (!canWrite(conversation)) throw blocked();
  const pictures = await picturesOf(options, sender, attachments);

  const partner = conversation.partner_id;
  return db.transaction().execute(async (trx) => {
    // The lock first: the same request at the same moment waits here, and then finds what this one wrote.
    await store.lockConversation(trx, id);
    const earlier = await store.findByKey(trx, id, sender, key);
    if (earlier) return repeated(earlier, requestHash);
    if (await store.isBlocked(trx, sender, partner)) throw blocked();
    const now = clock.now();
    await spend(trx, sender, 'messages', now);
    const row: MessageRow = {
      id: uuidv7() as MessageId,
      conversation_id: id,
      number: await store.takeNumber(trx, id),
      sender_id: sender,
      text,
      attachments: pictures,
      key,
      request_hash: requestHash,
      reported: false,
      removed_at: null,
      created_at: now,
    };
    await store.insertMessage(trx, row);
    const message = messageOf(row);
    await outbox.addRealtime(trx, [sender, partner].map(userChannel), { event: 'chat.message', data: message });
    return message;
  });
}

function repeated(row: MessageRow, requestHash: string): Message {
  if (row.request_hash !== requestHash)
    throw new ProblemError('idempotency-key-reused', { detail: 'Use a new Idempotency-Key for a new message' });
  return messageOf(row);
}

/** `media.ready` travels over the bus, so a picture that was completed a moment ago is waited for. */
const patienceMs = 3_000;
const pollMs = 100;

async function picturesOf({ db }: ChatOptions, owner: UserId, ids: readonly MediaId[]): Promise<Photo[]> {
  if (ids.length === 0) return [];
  const end = performance.now() + patienceMs;
  for (;;) {
    const rows = await store.picturesOf(db, owner, ids);
    const found = new Map(rows.map(({ owner_id: _, ...picture }) => [picture.id, picture]));
    const missing = ids.filter((id, index) => !found.has(id) || ids.indexOf(id) !== index);
    if (missing.length === 0) return ids.flatMap((id) => found.get(id) ?? []);
    if (missing.some((id) => found.has(id)) || performance.now() >= end) {
      // The same words for another's picture and for one that doesn't exist.
      const message = 'is not a ready picture of yours, or is there twice';
      throw new ProblemError('invalid-field', {
        errors: missing.map((id) => ({ field: `attachments.${ids.lastIndexOf(id)}`, message })),
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function spend(trx: Trx, user: UserId, what: Quota, now: Date): Promise<void> {
  if (await store.spend(trx, user, what, quotas[what], now)) return;
  const { perMinute } = quotas[what];
  throw new ProblemError('too-many-requests', {
    detail: what === 'messages' ? 'You write very fast' : 'You write to very many people',
    headers: { 'retry-after': String(Math.ceil(60 / perMinute)) },
  });
}

/** Both hear of it: one's other devices, and the one who wrote. */
export async function readUpTo(
  { db, outbox, clock }: ChatOptions,
  reader: UserId,
  id: ConversationId,
  upTo: number,
): Promise<void> {
  const conversation = await store.readSeen(db, reader, id);
  if (!conversation) throw noConversation();
  await db.transaction().execute(async (trx) => {
    // A message that comes at this moment is counted before or after, not forgotten.
    const { last_number } = await store.lockConversation(trx, id);
    if (upTo > last_number)
      throw new ProblemError('invalid-field', {
        errors: [{ field: 'up_to', message: `must not be above ${last_number}` }],
      });
    if (!(await store.markRead(trx, id, reader, upTo))) return;
    const data: z.output<typeof ChatReadMessage> = {
      conversation_id: id,
      reader_id: reader,
      up_to: upTo,
      at: clock.now().toISOString(),
    };
    await outbox.addRealtime(trx, [reader, conversation.partner_id].map(userChannel), { event: 'chat.read', data });
  });
}

export async function setBlock(
  { db, clock }: ChatOptions,
  user: UserId,
  id: ConversationId,
  wanted: boolean,
): Promise<void> {
  const conversation = await store.readSeen(db, user, id);
  if (!conversation) throw noConversation();
  if (wanted) await store.insertBlock(db, user, conversation.partner_id, clock.now());
  else await store.deleteBlock(db, user, conversation.partner_id);
}

export async function getReported({ db }: ChatOptions, id: MessageId): Promise<ReportedMessage> {
  const row = await store.readMessage(db, id);
  if (!row?.reported) throw new ProblemError('not-found');
  const [participant] = await store.participantsOf(db, row.conversation_id);
  const ad = participant && (await store.readAd(db, participant.ad_id));
  if (!ad) throw new ProblemError('not-found');
  const sender = await store.nameOf(db, row.sender_id);
  // Moderators see what was written also after they took it away.
  return {
    message: { ...messageOf({ ...row, removed_at: null }), removed: row.removed_at !== null },
    ad: { id: ad.id, title: ad.title },
    sender: sender?.name ?? '',
  };
}

/** Part of a transaction: what moderators took away vanishes from both screens. */
export async function takeAway({ outbox, clock }: Omit<ChatOptions, 'db'>, trx: Trx, id: MessageId): Promise<void> {
  const row = await store.removeMessage(trx, id, clock.now());
  if (!row) return;
  const both = await store.participantsOf(trx, row.conversation_id);
  const channels = both.map(({ user_id }) => userChannel(user_id));
  await outbox.addRealtime(trx, channels, { event: 'chat.message', data: messageOf(row) });
}

const blocked = (): ProblemError => new ProblemError('blocked');
const canWrite = (row: SeenRow): boolean => row.blocked_at === null && row.blocked_by_partner_at === null;

type Shown = Pick<
  MessageRow,
  'id' | 'conversation_id' | 'number' | 'sender_id' | 'text' | 'attachments' | 'removed_at' | 'created_at'
>;
const messageOf = (row: Shown): Message => ({
  id: row.id,
  conversation_id: row.conversation_id,
  number: row.number,
  sender_id: row.sender_id,
  text: row.removed_at ? '' : row.text,
  attachments: row.removed_at ? [] : row.attachments,
  removed: row.removed_at !== null,
  created_at: row.created_at.toISOString(),
});

function present(row: SeenRow): Conversation {
  const { last_id, last_message_number, sender_id, text, attachments, sent_at, removed_at } = row;
  const wrote = last_id && last_message_number && sender_id && text !== null && attachments && sent_at;
  return {
    id: row.id,
    ad: { id: row.ad_id, title: row.title, price: row.price, status: row.status, thumb_url: row.thumb_url },
    role: row.role,
    partner: { id: row.partner_id, name: row.partner_name ?? '' },
    last_message: wrote
      ? messageOf({
          ...{ id: last_id, conversation_id: row.id, number: last_message_number, sender_id },
          ...{ text, attachments, removed_at, created_at: sent_at },
        })
      : null,
    unread: row.unread,
    read_up_to: row.read_up_to,
    partner_read_up_to: row.partner_read_up_to,
    blocked: row.blocked_at !== null,
    can_write: canWrite(row),
    created_at: row.created_at.toISOString(),
  };
}
