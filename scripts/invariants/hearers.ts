// Which service hears which events, asked of the handlers themselves.
import type { EventType } from '../../contracts/events.ts';
import type { ServiceName } from '../../contracts/route.ts';
import { adsEvents } from '../../core/ads/events.ts';
import { chatEvents } from '../../core/chat/events.ts';
import { deliveryEvents } from '../../core/delivery/events.ts';
import { notificationEvents } from '../../core/notifications/events.ts';
import { orderEvents } from '../../core/orders/events.ts';
import { searchEvents } from '../../core/search/events.ts';
import { userEvents } from '../../core/users/events.ts';

/** Handlers are only asked for their names here, never called, so what they would need isn't there. */
const nothing = {} as never;
const typesOf = (handlers: object): readonly EventType[] => Object.keys(handlers) as EventType[];

export const hearers: Readonly<Record<ServiceName, readonly EventType[]>> = {
  ads: typesOf(adsEvents(nothing, nothing)),
  users: typesOf(userEvents(nothing)),
  search: typesOf(searchEvents(nothing, nothing)),
  media: [],
  reports: [],
  orders: typesOf(orderEvents(nothing)),
  payments: [],
  delivery: typesOf(deliveryEvents),
  notifications: typesOf(notificationEvents(nothing)),
  chat: typesOf(chatEvents(nothing)),
};
