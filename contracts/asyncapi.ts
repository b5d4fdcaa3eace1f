// AsyncAPI 3.0, made from the events and the stream: what the bus carries and what clients hear.
import { z } from 'zod';
import { Message } from './chat.ts';
import { eventTypes, realtimeTopic, topicNames } from './events.ts';
import {
  AdChangedMessage,
  AdNews,
  CacheInvalidation,
  ChatReadMessage,
  cacheChannel,
  DeliveryStageMessage,
  NotificationMessage,
  OrderStatusMessage,
  RealtimeMessage,
  ResetMessage,
  SearchMatchMessage,
  SessionRevoked,
  sessionChannel,
} from './stream.ts';

type Json = Record<string, unknown>;

/** What a client's stream says, by the name of the event. */
export const clientMessages = {
  'order.status': [OrderStatusMessage, 'An order of yours has a new status'],
  'delivery.stage': [DeliveryStageMessage, 'A parcel of yours has reached a stage'],
  notification: [NotificationMessage, 'A notification for you'],
  'ad.changed': [AdChangedMessage, 'Price or status of an ad, on `ad:ID` and `category:ID`'],
  'ad.published': [AdNews, 'A new ad, on `category:ID`'],
  'search.match': [SearchMatchMessage, 'A new ad that searches of yours find'],
  'chat.message': [Message, 'A message in a conversation of yours, also one that you wrote'],
  'chat.read': [ChatReadMessage, 'One of the two has read up to a message'],
  reset: [ResetMessage, 'What was missed is out of reach: read the present state again'],
} as const satisfies Record<string, readonly [z.ZodType, string]>;

/** What edges hear from core. */
const systemMessages = {
  'cache.invalidate': [CacheInvalidation, `On ${cacheChannel}: answers of these groups are out of date`],
  'session.revoked': [SessionRevoked, `On ${sessionChannel}: no token of this session counts any more`],
} as const satisfies Record<string, readonly [z.ZodType, string]>;

export function asyncApi(serverUrl: string): Json {
  const messages: Record<string, Json> = {};
  for (const [type, { data }] of Object.entries(eventTypes)) {
    messages[type] = {
      name: type,
      title: type,
      contentType: 'application/json',
      headers: cloudEventHeaders(type),
      payload: schemaOf(data),
    };
  }
  for (const [name, [schema, summary]] of Object.entries({ ...clientMessages, ...systemMessages })) {
    messages[name] = { name, summary, contentType: 'application/json', payload: schemaOf(schema) };
  }
  messages['realtime'] = {
    name: 'realtime',
    summary: 'Key: the channel (`user:{id}`, `ad:{id}`, `category:{id}`); `data` reaches the clients as it is',
    contentType: 'application/json',
    headers: {
      type: 'object',
      properties: {
        ce_source: { type: 'string' },
        ce_id: { type: 'string', description: 'With it a message that is published twice reaches clients once' },
      },
    },
    payload: schemaOf(RealtimeMessage),
  };

  const { host, protocol } = new URL(serverUrl);
  const channels: Record<string, Json> = {
    stream: {
      address: '/v1/stream',
      title: 'A client’s stream (SSE; the same as JSON on /v1/ws)',
      servers: [{ $ref: '#/servers/edge' }],
      messages: refs(Object.keys(clientMessages)),
    },
  };
  for (const topic of topicNames) {
    const names = topic === realtimeTopic ? ['realtime', ...Object.keys(systemMessages)] : typesOf(topic);
    channels[topic] = { address: topic, servers: [{ $ref: '#/servers/bus' }], messages: refs(names) };
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Lotok',
      version: '1',
      description: 'Facts on the bus (CloudEvents 1.0 in Kafka’s binary mode) and what clients hear of them.',
    },
    defaultContentType: 'application/json',
    servers: {
      edge: {
        host,
        protocol: protocol === 'https:' ? 'https' : 'http',
        description: 'Server-sent events; needs a token or a ticket',
      },
      bus: {
        host: 'kafka:9092',
        protocol: 'kafka',
        description: 'Within the deployment; partitions by the id of what the event is about',
      },
    },
    channels,
    operations: Object.fromEntries(
      Object.keys(channels).map((channel) => [
        channel === 'stream' ? 'hear' : `consume.${channel}`,
        { action: channel === 'stream' ? 'send' : 'receive', channel: { $ref: `#/channels/${channel}` } },
      ]),
    ),
    components: { messages },
  };
}

const typesOf = (topic: string): string[] =>
  Object.entries(eventTypes)
    .filter(([, each]) => each.topic === topic)
    .map(([type]) => type);

const refs = (names: readonly string[]): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));

const cloudEventHeaders = (type: string): Json => ({
  type: 'object',
  required: ['ce_id', 'ce_type', 'ce_source', 'ce_specversion'],
  properties: {
    ce_id: { type: 'string' },
    ce_type: { const: type },
    ce_source: { type: 'string' },
    ce_specversion: { const: '1.0' },
    ce_time: { type: 'string', format: 'date-time' },
    traceparent: { type: 'string', description: 'W3C Trace Context' },
  },
});

/** Each message carries its whole schema; what it refers to is written out. */
function schemaOf(schema: z.ZodType): Json {
  const {
    $schema: _dialect,
    $defs = {},
    ...json
  } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Json & { $defs?: Record<string, Json> };
  return inline(json, $defs) as Json;
}

function inline(node: unknown, defined: Readonly<Record<string, Json>>): unknown {
  if (Array.isArray(node)) return node.map((each) => inline(each, defined));
  if (typeof node !== 'object' || node === null) return node;
  const name = '$ref' in node && typeof node.$ref === 'string' ? node.$ref.replace('#/$defs/', '') : undefined;
  if (name !== undefined && defined[name]) return inline(defined[name], defined);
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, inline(value, defined)]));
}
