// The demo accounts: who they are in every part that seeds demo data. Only in embedded demo mode.
import type { UserId } from './common.ts';
import type { Role } from './users.ts';

export interface DemoUser {
  readonly id: UserId;
  readonly email: string;
  readonly name: string;
  readonly roles: readonly Role[];
}

export const demoPassword = 'demo';

const demoUser = (number: number, account: string, name: string, roles: readonly Role[] = ['user']): DemoUser => ({
  id: `01935b5e-7d00-7000-8000-${String(number).padStart(12, '0')}` as UserId,
  email: `${account}@demo.lotok`,
  name,
  roles,
});

export const demoBuyer = demoUser(1, 'buyer', 'Анна');
export const demoBuyer2 = demoUser(2, 'buyer2', 'Борис');
export const demoModerator = demoUser(3, 'moderator', 'Модератор', ['user', 'moderator']);
export const demoOperator = demoUser(4, 'operator', 'Оператор', ['user', 'operator']);

/** Most demo ads are theirs. */
export const demoSellers = [
  demoUser(11, 'seller', 'Сергей'),
  demoUser(12, 'seller2', 'Мария'),
  demoUser(13, 'seller3', 'Дмитрий'),
  demoUser(14, 'seller4', 'Ольга'),
  demoUser(15, 'seller5', 'Алексей'),
  demoUser(16, 'seller6', 'Екатерина'),
] as const;

export const demoUsers: readonly DemoUser[] = [demoBuyer, demoBuyer2, demoModerator, demoOperator, ...demoSellers];
