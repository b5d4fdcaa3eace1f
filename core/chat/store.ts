// Queries of chat; nobody else reads its schema.
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AdStatus, Photo } from '../../contracts/ads.ts';
import type { Conversation } from '../../contracts/chat.ts';
import type { AdId, ConversationId, MediaId, MessageId, Money, UserId } from '../../contracts/common.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import type { ServiceTables } from '../platform/service.ts';

interface AdTable {
  id: AdId;
  version: number;
  seller_id: UserId;
  title: string;
  price: Json<Money>;
  status: AdStatus;
  thumb_url: string | null;
}
export type AdRow = Selectable<AdTable>;

interface ParticipantTable {
  conversation_id: ConversationId;
  user_id: UserId;
  role: Conversation['role'];
  ad_id: AdId;
  /** Number of the last message read; who writes has read what was there. */
  read_up_to: number;
  last_message_at: NullableTimestamp;
  unread: number;
  /** When the oldest unread message came. */
  unread_since: NullableTimestamp;
  /** A notice of the unread messages was given. */
  told: boolean;
}

interface MessageTable {
  id: MessageId;
  conversation_id: ConversationId;
  number: number;
  sender_id: UserId;
  text: string;
  attachments: Json<Photo[]>;
  /** The Idempotency-Key that it came with. */
  key: string;
  request_hash: string;
  /** A participant complained about it: moderators may read it. */
  reported: boolean;
  removed_at: NullableTimestamp;
  created_at: Timestamp;
}
export type MessageRow = Selectable<MessageTable>;

export type Quota = 'messages' | 'conversations';

export interface ChatTables extends ServiceTables {
  ads: AdTable;
  people: { id: UserId; name: string; version: number };
  media: { id: MediaId; owner_id: UserId; url: string; thumb_url: string; width: number; height: number };
  conversations: { id: ConversationId; ad_id: AdId; created_at: Timestamp; last_number: number };
  participants: ParticipantTable;
  messages: MessageTable;
  blocks: { blocker_id: UserId; blocked_id: UserId; created_at: Timestamp };
  quotas: { user_id: UserId; what: Quota; left: number; at: Timestamp };
}
export type Db = Kysely<ChatTables>;
export type Trx = Transaction<ChatTables>;

/** A conversation as one of the two sees it. */
const seenBy = (db: Db, user: UserId) =>
  db
    .selectFrom('participants as me')
    .innerJoin('participants as partner', (join) =>
      join.onRef('partner.conversation_id', '=', 'me.conversation_id').onRef('partner.user_id', '<>', 'me.user_id'),
    )
    .innerJoin('conversations as conversation', 'conversation.id', 'me.conversation_id')
    .innerJoin('ads as ad', 'ad.id', 'me.ad_id')
    .leftJoin('people as person', 'person.id', 'partner.user_id')
    .leftJoin('messages as last', (join) =>
      join
        .onRef('last.conversation_id', '=', 'me.conversation_id')
        .onRef('last.number', '=', 'conversation.last_number'),
    )
    .leftJoin('blocks as mine', (join) =>
      join.onRef('mine.blocker_id', '=', 'me.user_id').onRef('mine.blocked_id', '=', 'partner.user_id'),
    )
    .leftJoin('blocks as theirs', (join) =>
      join.onRef('theirs.blocker_id', '=', 'partner.user_id').onRef('theirs.blocked_id', '=', 'me.user_id'),
    )
    .where('me.user_id', '=', user)
    .select([
      'me.conversation_id as id',
      'me.role',
      'me.read_up_to',
      'me.unread',
      'me.last_message_at',
      'conversation.created_at',
      'conversation.last_number',
      'partner.user_id as partner_id',
      'partner.read_up_to as partner_read_up_to',
      'person.name as partner_name',
      'ad.id as ad_id',
      'ad.title',
      'ad.price',
      'ad.status',
      'ad.thumb_url',
      'last.id as last_id',
      'last.number as last_message_number',
      'last.sender_id',
      'last.text',
      'last.attachments',
      'last.removed_at',
      'last.created_at as sent_at',
      'mine.created_at as blocked_at',
      'theirs.created_at as blocked_by_partner_at',
    ]);
export type SeenRow = Awaited<ReturnType<typeof readSeen>> & object;

export const readSeen = (db: Db, user: UserId, id: ConversationId) =>
  seenBy(db, user).where('me.conversation_id', '=', id).executeTakeFirst();

export interface ListPlace {
  readonly at: string;
  readonly id: ConversationId;
}

/** Those in which something was said, newest first. */
export function listSeen(db: Db, user: UserId, page: { after: ListPlace | undefined; limit: number }) {
  let query = seenBy(db, user)
    .where('me.last_message_at', 'is not', null)
    .orderBy('me.last_message_at', 'desc')
    .orderBy('me.conversation_id', 'desc')
    .limit(page.limit);
  if (page.after) {
    const { at, id } = page.after;
    query = query.where(sql<boolean>`(me.last_message_at, me.conversation_id) < (${at}::timestamptz, ${id}::uuid)`);
  }
  return query.execute();
}

export async function countUnread(db: Db, user: UserId): Promise<number> {
  const { unread } = await db
    .selectFrom('participants')
    .select(sql<number>`coalesce(sum(unread), 0)::integer`.as('unread'))
    .where('user_id', '=', user)
    .executeTakeFirstOrThrow();
  return unread;
}

export const readAd = (db: Db, id: AdId): Promise<AdRow | undefined> =>
  db.selectFrom('ads').selectAll().where('id', '=', id).executeTakeFirst();

export const findConversation = (db: Db, ad: AdId, buyer: UserId) =>
  db
    .selectFrom('participants')
    .select('conversation_id as id')
    .where('ad_id', '=', ad)
    .where('user_id', '=', buyer)
    .where('role', '=', sql.lit('buyer'))
    .executeTakeFirst();

/** False when another request of the buyer was quicker: then nothing of it stays, and the transaction must end. */
export async function insertConversation(
  trx: Trx,
  { id, ad, buyer, now }: { id: ConversationId; ad: AdRow; buyer: UserId; now: Date },
): Promise<boolean> {
  await trx.insertInto('conversations').values({ id, ad_id: ad.id, created_at: now, last_number: 0 }).execute();
  const common = { conversation_id: id, ad_id: ad.id, read_up_to: 0, unread: 0, told: false };
  const inserted = await trx
    .insertInto('participants')
    .values({ ...common, user_id: buyer, role: 'buyer' })
    .onConflict((conflict) => conflict.columns(['ad_id', 'user_id']).where('role', '=', sql.lit('buyer')).doNothing())
    .returning('user_id')
    .executeTakeFirst();
  if (!inserted) return false;
  await trx
    .insertInto('participants')
    .values({ ...common, user_id: ad.seller_id, role: 'seller' })
    .execute();
  return true;
}

export async function isBlocked(db: Db, one: UserId, other: UserId): Promise<boolean> {
  const row = await db
    .selectFrom('blocks')
    .select('blocker_id')
    .where((or) =>
      or.or([
        or.and([or('blocker_id', '=', one), or('blocked_id', '=', other)]),
        or.and([or('blocker_id', '=', other), or('blocked_id', '=', one)]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export const insertBlock = (db: Db, blocker: UserId, blocked: UserId, now: Date) =>
  db
    .insertInto('blocks')
    .values({ blocker_id: blocker, blocked_id: blocked, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();

export const deleteBlock = (db: Db, blocker: UserId, blocked: UserId) =>
  db.deleteFrom('blocks').where('blocker_id', '=', blocker).where('blocked_id', '=', blocked).execute();

/** Takes one of a user's turns; false when none is left for now. One statement, so none is taken twice. */
export async function spend(
  trx: Trx,
  user: UserId,
  what: Quota,
  { most, perMinute }: { most: number; perMinute: number },
  now: Date,
): Promise<boolean> {
  const refilled = sql<number>`least(${most}::float8, quotas.left + greatest(0, extract(epoch from (${now}::timestamptz - quotas.at))) * ${perMinute}::float8 / 60)`;
  const spent = await trx
    .insertInto('quotas')
    .values({ user_id: user, what, left: most - 1, at: now })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'what'])
        .doUpdateSet({ left: sql`${refilled} - 1`, at: now })
        .where(refilled, '>=', 1),
    )
    .returning('user_id')
    .executeTakeFirst();
  return spent !== undefined;
}

export const picturesOf = (db: Db, owner: UserId, ids: readonly MediaId[]) =>
  db
    .selectFrom('media')
    .selectAll()
    .where('id', 'in', [...ids])
    .where('owner_id', '=', owner)
    .execute();

export const findByKey = (db: Db, conversation: ConversationId, sender: UserId, key: string) =>
  db
    .selectFrom('messages')
    .selectAll()
    .where('conversation_id', '=', conversation)
    .where('sender_id', '=', sender)
    .where('key', '=', key)
    .executeTakeFirst();

/** The next number. The row stays locked until the end, so that messages are told in the order of their numbers. */
export async function takeNumber(trx: Trx, id: ConversationId): Promise<number> {
  const { last_number } = await trx
    .updateTable('conversations')
    .set({ last_number: sql`last_number + 1` })
    .where('id', '=', id)
    .returning('last_number')
    .executeTakeFirstOrThrow();
  return last_number;
}

export const lockConversation = (trx: Trx, id: ConversationId) =>
  trx.selectFrom('conversations').select('last_number').where('id', '=', id).forUpdate().executeTakeFirstOrThrow();

export async function insertMessage(trx: Trx, message: MessageRow): Promise<void> {
  const { conversation_id, number, sender_id, created_at } = message;
  await trx
    .insertInto('messages')
    .values({ ...message, attachments: JSON.stringify(message.attachments) })
    .execute();
  await trx
    .updateTable('participants')
    .set({ last_message_at: created_at, read_up_to: number, unread: 0, unread_since: null, told: false })
    .where('conversation_id', '=', conversation_id)
    .where('user_id', '=', sender_id)
    .execute();
  await trx
    .updateTable('participants')
    .set({
      last_message_at: created_at,
      unread: sql`unread + 1`,
      unread_since: sql`coalesce(unread_since, ${created_at})`,
    })
    .where('conversation_id', '=', conversation_id)
    .where('user_id', '<>', sender_id)
    .execute();
}

export function listMessages(
  db: Db,
  conversation: ConversationId,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<MessageRow[]> {
  let query = db
    .selectFrom('messages')
    .selectAll()
    .where('conversation_id', '=', conversation)
    .orderBy('number', 'desc')
    .limit(limit);
  if (before !== undefined) query = query.where('number', '<', before);
  return query.execute();
}

/** False when that much had been read before. What came after `upTo` stays unread, and is told of by itself. */
export async function markRead(trx: Trx, conversation: ConversationId, user: UserId, upTo: number): Promise<boolean> {
  const rest = await trx
    .selectFrom('messages')
    .select([sql<number>`count(*)::integer`.as('unread'), sql<Date | null>`min(created_at)`.as('since')])
    .where('conversation_id', '=', conversation)
    .where('number', '>', upTo)
    .where('sender_id', '<>', user)
    .executeTakeFirstOrThrow();
  const marked = await trx
    .updateTable('participants')
    .set({ read_up_to: upTo, unread: rest.unread, unread_since: rest.since, told: false })
    .where('conversation_id', '=', conversation)
    .where('user_id', '=', user)
    .where('read_up_to', '<', upTo)
    .returning('user_id')
    .executeTakeFirst();
  return marked !== undefined;
}

/** Takes those who left messages unread since `before`; whoever reads meanwhile is not told. */
export const takeUnread = (trx: Trx, before: Date, limit: number) =>
  trx
    .with('due', (with_) =>
      with_
        .selectFrom('participants')
        .select(['conversation_id', 'user_id'])
        .where('told', '=', sql.lit(false))
        .where('unread_since', '<=', before)
        .orderBy('unread_since')
        .limit(limit)
        // Several processes tell at once, each its own.
        .forUpdate()
        .skipLocked(),
    )
    .updateTable('participants as reader')
    .from('due')
    .whereRef('reader.conversation_id', '=', 'due.conversation_id')
    .whereRef('reader.user_id', '=', 'due.user_id')
    .set({ told: true })
    .returning(['reader.conversation_id', 'reader.user_id', 'reader.unread', 'reader.read_up_to'])
    .execute();

export const readMessage = (db: Db, id: MessageId): Promise<MessageRow | undefined> =>
  db.selectFrom('messages').selectAll().where('id', '=', id).executeTakeFirst();

export const participantsOf = (db: Db, conversation: ConversationId) =>
  db.selectFrom('participants').select(['user_id', 'ad_id']).where('conversation_id', '=', conversation).execute();

export const nameOf = (db: Db, user: UserId) =>
  db.selectFrom('people').select('name').where('id', '=', user).executeTakeFirst();

/** Only one of the two may bring a message before moderators. */
export const markReported = (trx: Trx, id: MessageId, reporter: UserId) =>
  trx
    .updateTable('messages')
    .set({ reported: true })
    .where('id', '=', id)
    .where((where) =>
      where.exists(
        where
          .selectFrom('participants')
          .select('participants.user_id')
          .whereRef('participants.conversation_id', '=', 'messages.conversation_id')
          .where('participants.user_id', '=', reporter),
      ),
    )
    .execute();

/** Undefined when it is gone already, or was never rightly reported. */
export const removeMessage = (trx: Trx, id: MessageId, now: Date): Promise<MessageRow | undefined> =>
  trx
    .updateTable('messages')
    .set({ removed_at: now })
    .where('id', '=', id)
    .where('reported', '=', true)
    .where('removed_at', 'is', null)
    .returningAll()
    .executeTakeFirst();

export async function saveAd(trx: Trx, ad: AdRow): Promise<void> {
  const { id, ...news } = { ...ad, price: JSON.stringify(ad.price) };
  await trx
    .insertInto('ads')
    .values({ id, ...news })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(news).where('ads.version', '<', ad.version))
    .execute();
}

export async function savePerson(trx: Trx, person: Selectable<ChatTables['people']>): Promise<void> {
  const { id: _, ...news } = person;
  await trx
    .insertInto('people')
    .values(person)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(news).where('people.version', '<', person.version))
    .execute();
}

export const savePicture = (trx: Trx, picture: Selectable<ChatTables['media']>) =>
  trx
    .insertInto('media')
    .values(picture)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
