// Chat: a buyer and the seller of an ad write to each other.
import { z } from 'zod';
import { AdStatus, Photo } from './ads.ts';
import {
  AdId,
  ConversationId,
  Cursor,
  IdempotencyKey,
  Instant,
  Limit,
  MediaId,
  MessageId,
  Money,
  page,
  text,
  UserId,
} from './common.ts';
import { route } from './route.ts';

export const longestText = 4000;
export const mostAttachments = 5;

export const Message = z
  .object({
    id: MessageId,
    conversation_id: ConversationId,
    /** Grows by one within a conversation. */
    number: z.int().min(1),
    sender_id: UserId,
    /** Empty when there are only pictures, or when moderators removed it. */
    text: z.string(),
    attachments: z.array(Photo),
    removed: z.boolean().meta({ description: 'Moderators took its text and pictures away' }),
    created_at: Instant,
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof Message>;

export const Conversation = z
  .object({
    id: ConversationId,
    ad: z.object({
      id: AdId,
      title: z.string(),
      price: Money,
      status: AdStatus,
      thumb_url: z.string().nullable(),
    }),
    role: z.enum(['buyer', 'seller']).meta({ description: 'What you are in it' }),
    partner: z.object({ id: UserId, name: z.string() }),
    last_message: Message.nullable(),
    unread: z.int().min(0),
    /** Numbers up to which you and the other one have read. */
    read_up_to: z.int().min(0),
    partner_read_up_to: z.int().min(0),
    blocked: z.boolean().meta({ description: 'You blocked the other one' }),
    can_write: z.boolean().meta({ description: 'Neither of you blocked the other' }),
    created_at: Instant,
  })
  .meta({ id: 'Conversation' });
export type Conversation = z.infer<typeof Conversation>;

export const NewMessage = z
  .strictObject({
    text: text(0, longestText).default(''),
    attachments: z
      .array(MediaId)
      .max(mostAttachments)
      .default([])
      .meta({ description: 'Ids of media that you uploaded' }),
  })
  .refine(({ text: said, attachments }) => said !== '' || attachments.length > 0, {
    path: ['text'],
    message: 'must not be empty where there is no picture',
  })
  .meta({ id: 'NewMessage' });
export type NewMessage = z.output<typeof NewMessage>;

/** What moderators see of a message that was complained about. */
export const ReportedMessage = z
  .object({ message: Message, ad: z.object({ id: AdId, title: z.string() }), sender: z.string() })
  .meta({ id: 'ReportedMessage' });
export type ReportedMessage = z.infer<typeof ReportedMessage>;

const byId = z.object({ id: ConversationId });

export const chatRoutes = {
  startConversation: route({
    id: 'startConversation',
    service: 'chat',
    method: 'POST',
    path: '/v1/conversations',
    summary: 'Your conversation with the seller of an ad: the one that there is, else a new one',
    auth: 'user',
    body: z.strictObject({ ad_id: AdId }),
    success: { status: 200, body: Conversation },
    problems: ['not-found', 'own-ad', 'blocked', 'invalid-field'],
  }),
  listConversations: route({
    id: 'listConversations',
    service: 'chat',
    method: 'GET',
    path: '/v1/conversations',
    summary: 'Your conversations, those with the newest messages first',
    auth: 'user',
    query: z.object({ cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: {
      status: 200,
      body: page(Conversation).extend({ unread: z.int().meta({ description: 'Unread messages in all of them' }) }),
    },
  }),
  getConversation: route({
    id: 'getConversation',
    service: 'chat',
    method: 'GET',
    path: '/v1/conversations/{id}',
    summary: 'One conversation of yours',
    auth: 'user',
    params: byId,
    success: { status: 200, body: Conversation },
    problems: ['not-found'],
  }),
  listMessages: route({
    id: 'listMessages',
    service: 'chat',
    method: 'GET',
    path: '/v1/conversations/{id}/messages',
    summary: 'Its messages, newest first',
    auth: 'user',
    params: byId,
    query: z.object({ cursor: Cursor.optional(), limit: Limit.default(50) }),
    success: { status: 200, body: page(Message) },
    problems: ['not-found'],
  }),
  sendMessage: route({
    id: 'sendMessage',
    service: 'chat',
    method: 'POST',
    path: '/v1/conversations/{id}/messages',
    summary: 'Write a message',
    auth: 'user',
    params: byId,
    headers: z.object({ 'idempotency-key': IdempotencyKey }),
    body: NewMessage,
    success: { status: 201, body: Message },
    problems: ['not-found', 'blocked', 'idempotency-key-reused', 'invalid-field'],
  }),
  readConversation: route({
    id: 'readConversation',
    service: 'chat',
    method: 'POST',
    path: '/v1/conversations/{id}/read',
    summary: 'Say up to which message you have read',
    auth: 'user',
    params: byId,
    body: z.strictObject({ up_to: z.int().min(0).meta({ description: 'A message’s number' }) }),
    success: { status: 204 },
    problems: ['not-found', 'invalid-field'],
  }),
  blockPartner: route({
    id: 'blockPartner',
    service: 'chat',
    method: 'PUT',
    path: '/v1/conversations/{id}/block',
    summary: 'Hear no more of the other one, here and in other conversations',
    auth: 'user',
    params: byId,
    success: { status: 204 },
    problems: ['not-found'],
  }),
  unblockPartner: route({
    id: 'unblockPartner',
    service: 'chat',
    method: 'DELETE',
    path: '/v1/conversations/{id}/block',
    summary: 'Take the block back',
    auth: 'user',
    params: byId,
    success: { status: 204 },
    problems: ['not-found'],
  }),
  getReportedMessage: route({
    id: 'getReportedMessage',
    service: 'chat',
    method: 'GET',
    path: '/v1/moderation/messages/{id}',
    summary: 'A message that a participant complained about; others are nobody else’s business',
    auth: 'moderator',
    params: z.object({ id: MessageId }),
    success: { status: 200, body: ReportedMessage },
    problems: ['not-found'],
  }),
};
