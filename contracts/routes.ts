// All REST operations of core, by their ids.
import { adRoutes } from './ads.ts';
import { chatRoutes } from './chat.ts';
import { deliveryRoutes } from './delivery.ts';
import { mediaRoutes } from './media.ts';
import { notificationRoutes } from './notifications.ts';
import { operationsRoutes } from './operations.ts';
import { orderRoutes } from './orders.ts';
import { paymentRoutes } from './payments.ts';
import { reportRoutes } from './reports.ts';
import type { RouteSpec } from './route.ts';
import { searchRoutes } from './search.ts';
import { userRoutes } from './users.ts';

export const routes = {
  ...adRoutes,
  ...userRoutes,
  ...searchRoutes,
  ...mediaRoutes,
  ...reportRoutes,
  ...orderRoutes,
  ...operationsRoutes,
  ...paymentRoutes,
  ...deliveryRoutes,
  ...notificationRoutes,
  ...chatRoutes,
} as const satisfies Record<string, RouteSpec>;
