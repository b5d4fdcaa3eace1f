// Everything that a realtime node counts.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type RealtimeMetrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  registry.setDefaultLabels({ part: 'realtime' });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    connections: new Gauge({
      name: 'lotok_realtime_connections',
      help: 'Open connections',
      labelNames: ['kind'],
      registers,
    }),
    channels: new Gauge({ name: 'lotok_realtime_channels', help: 'Channels that somebody hears', registers }),
    subscriptions: new Gauge({
      name: 'lotok_realtime_mux_subscriptions',
      help: 'Channels subscribed by edges',
      registers,
    }),
    bridged: new Counter({
      name: 'lotok_realtime_bridged_total',
      help: 'Messages taken from the bus',
      labelNames: ['outcome'],
      registers,
    }),
    bridgeLag: new Gauge({
      name: 'lotok_realtime_bridge_lag_messages',
      help: 'Messages that the bridge has not taken yet',
      registers,
    }),
    messagesIn: new Counter({
      name: 'lotok_realtime_messages_in_total',
      help: 'Messages heard for subscribers',
      registers,
    }),
    messagesOut: new Counter({
      name: 'lotok_realtime_messages_out_total',
      help: 'Messages sent',
      labelNames: ['kind'],
      registers,
    }),
    replayed: new Counter({
      name: 'lotok_realtime_replayed_total',
      help: 'Messages sent again from history',
      labelNames: ['kind'],
      registers,
    }),
    latency: new Histogram({
      name: 'lotok_realtime_delivery_seconds',
      help: 'From the writing of a message to its delivery, live ones',
      labelNames: ['kind'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    drops: new Counter({
      name: 'lotok_realtime_drops_total',
      help: 'Connections ended by this node',
      labelNames: ['reason'],
      registers,
    }),
    resets: new Counter({
      name: 'lotok_realtime_resets_total',
      help: 'Clients told to read the present state',
      labelNames: ['kind'],
      registers,
    }),
    lost: new Counter({
      name: 'lotok_realtime_lost_total',
      help: 'Channels whose continuity broke for good',
      registers,
    }),
    refused: new Counter({
      name: 'lotok_realtime_refused_total',
      help: 'Requests refused, by problem',
      labelNames: ['problem'],
      registers,
    }),
  };
}
