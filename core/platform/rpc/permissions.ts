// Who may call what: each method's callers, by the name in the caller's certificate. What isn't listed is refused.
import type { ServiceName } from '../../../contracts/route.ts';
import type { AdsServiceService } from '../../../proto/generated/lotok/ads/v1/ads.ts';
import type { DeliveryServiceService } from '../../../proto/generated/lotok/delivery/v1/delivery.ts';
import type { NotificationsServiceService } from '../../../proto/generated/lotok/notifications/v1/notifications.ts';
import type { PaymentsServiceService } from '../../../proto/generated/lotok/payments/v1/payments.ts';
import type { UsersServiceService } from '../../../proto/generated/lotok/users/v1/users.ts';

/** Callers by gRPC service, then by method. */
export type Permissions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

type Callers<Definition> = { readonly [Method in keyof Definition]: readonly ServiceName[] };

const ads: Callers<AdsServiceService> = {
  reserve: ['orders'],
  release: ['orders'],
  markSold: ['orders'],
};

const users: Callers<UsersServiceService> = {
  getContacts: ['orders', 'payments', 'delivery', 'notifications', 'reports', 'search'],
};

const payments: Callers<PaymentsServiceService> = {
  startPayment: ['orders'],
  capture: ['orders'],
  void: ['orders'],
  refund: ['orders'],
  payOut: ['orders'],
  get: ['orders'],
  watchPayment: ['orders', 'notifications'],
  retry: ['orders'],
  giveUp: ['orders'],
  getStory: ['orders'],
};

const delivery: Callers<DeliveryServiceService> = {
  quote: ['orders'],
  createShipment: ['orders'],
  cancelShipment: ['orders'],
  get: ['orders', 'notifications'],
  watchShipment: ['orders', 'notifications'],
  retry: ['orders'],
  giveUp: ['orders'],
  getStory: ['orders'],
};

const notifications: Callers<NotificationsServiceService> = {
  enqueue: ['orders', 'payments', 'delivery'],
  getStory: ['orders'],
};

export const permissions: Permissions = {
  'lotok.ads.v1.AdsService': ads,
  'lotok.users.v1.UsersService': users,
  'lotok.payments.v1.PaymentsService': payments,
  'lotok.delivery.v1.DeliveryService': delivery,
  'lotok.notifications.v1.NotificationsService': notifications,
};
