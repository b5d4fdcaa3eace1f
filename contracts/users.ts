// Users: accounts, sessions, the public seller page and reviews.
import { z } from 'zod';
import { Cursor, Instant, ids, Language, Limit, OrderId, page, text, UserId } from './common.ts';
import { route } from './route.ts';

export const Role = z.enum(['user', 'moderator', 'operator']);
export type Role = z.infer<typeof Role>;

const email = z
  .email()
  .max(254)
  // RFC 5321, section 4.5.3.1.1.
  .refine((value) => value.indexOf('@') <= 64, 'must have at most 64 characters before the @')
  .transform((value) => value.toLowerCase())
  .meta({ example: 'buyer@demo.lotok' });
const newPassword = z.string().min(8, 'must have at least 8 characters').max(200);
const displayName = text(1, 60);
const phone = z.string().regex(/^\+[1-9]\d{6,14}$/, 'must be an E.164 number such as +79161234567');

export const Registration = z
  .strictObject({
    email,
    password: newPassword,
    name: displayName.optional().meta({ description: 'Shown to others; the part before @ when not given' }),
    language: Language.default('ru'),
  })
  .meta({ id: 'Registration' });
export const Credentials = z.strictObject({ email, password: z.string().min(1).max(200) }).meta({ id: 'Credentials' });
export const RefreshRequest = z.strictObject({ refresh_token: z.string().min(1).max(512) });

export const Tokens = z
  .object({
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds' }),
    user_id: UserId,
  })
  .meta({ id: 'Tokens' });
export type Tokens = z.infer<typeof Tokens>;

/** The claims of an access token (RFC 9068 shape). */
export const AccessClaims = z.object({
  sub: UserId,
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.int(),
  iat: z.int().optional(),
  sid: z.string(),
  roles: z.array(z.string()),
});
export type AccessClaims = z.infer<typeof AccessClaims>;

export const Profile = z
  .object({
    id: UserId,
    email: z.string(),
    name: z.string(),
    phone: z.string().nullable(),
    language: Language,
    roles: z.array(Role),
    created_at: Instant,
  })
  .meta({ id: 'Profile' });
export type Profile = z.infer<typeof Profile>;
export const ProfileChange = z
  .strictObject({ name: displayName.optional(), phone: phone.nullable().optional(), language: Language.optional() })
  .refine((change) => Object.keys(change).length > 0, 'name at least one field to change')
  .meta({ minProperties: 1 });

export const PasswordChange = z
  .strictObject({ current_password: z.string().min(1).max(200), new_password: newPassword })
  .refine(({ current_password, new_password }) => current_password !== new_password, {
    path: ['new_password'],
    message: 'must differ from the current one',
  })
  .meta({ id: 'PasswordChange' });

export const SessionsEnded = z.object({ sessions: z.int().min(0) }).meta({ id: 'SessionsEnded' });

export const SellerPage = z
  .object({
    id: UserId,
    name: z.string(),
    since: Instant,
    rating: z.number().nullable(),
    reviews: z.int(),
    sales: z.int(),
  })
  .meta({ id: 'SellerPage' });
export const Review = z
  .object({
    order_id: OrderId,
    author: z.object({ id: UserId, name: z.string() }),
    rating: z.int().min(1).max(5),
    text: z.string(),
    created_at: Instant,
  })
  .meta({ id: 'Review' });
export const NewReview = z.strictObject({
  order_id: OrderId,
  rating: z.int().min(1).max(5),
  text: text(0, 2000).default(''),
});

const byId = z.object({ id: UserId });

export const userRoutes = {
  register: route({
    id: 'register',
    service: 'users',
    method: 'POST',
    path: '/v1/auth/register',
    summary: 'Make an account and sign in',
    auth: 'public',
    body: Registration,
    success: { status: 201, body: Tokens },
    problems: ['email-taken', 'invalid-field'],
  }),
  login: route({
    id: 'login',
    service: 'users',
    method: 'POST',
    path: '/v1/auth/login',
    summary: 'Sign in',
    auth: 'public',
    body: Credentials,
    success: { status: 200, body: Tokens },
    problems: ['invalid-credentials', 'too-many-requests'],
  }),
  refresh: route({
    id: 'refresh',
    service: 'users',
    method: 'POST',
    path: '/v1/auth/refresh',
    summary: 'Exchange a refresh token; each can be used once',
    auth: 'public',
    body: RefreshRequest,
    success: { status: 200, body: Tokens },
    problems: ['invalid-credentials'],
  }),
  logout: route({
    id: 'logout',
    service: 'users',
    method: 'POST',
    path: '/v1/auth/logout',
    summary: 'End the session of a refresh token',
    auth: 'public',
    body: RefreshRequest,
    success: { status: 204 },
  }),
  checkSession: route({
    id: 'checkSession',
    service: 'users',
    method: 'GET',
    path: '/v1/auth/session',
    summary: 'Whether the session of the access token still lives',
    auth: 'user',
    success: { status: 204 },
    problems: ['not-found'],
  }),
  jwks: route({
    id: 'jwks',
    service: 'users',
    method: 'GET',
    path: '/.well-known/jwks.json',
    summary: 'Public keys of access tokens (RFC 7517)',
    auth: 'public',
    success: { status: 200, body: z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }) },
  }),
  me: route({
    id: 'me',
    service: 'users',
    method: 'GET',
    path: '/v1/me',
    summary: 'Your profile',
    auth: 'user',
    success: { status: 200, body: Profile },
  }),
  changeMe: route({
    id: 'changeMe',
    service: 'users',
    method: 'PATCH',
    path: '/v1/me',
    summary: 'Change your profile',
    auth: 'user',
    body: ProfileChange,
    success: { status: 200, body: Profile },
    problems: ['invalid-field'],
  }),
  changePassword: route({
    id: 'changePassword',
    service: 'users',
    method: 'POST',
    path: '/v1/me/password',
    summary: 'Change your password; ends all your sessions but this one',
    auth: 'user',
    body: PasswordChange,
    success: { status: 204 },
    problems: ['invalid-field', 'too-many-requests'],
  }),
  endMySessions: route({
    id: 'endMySessions',
    service: 'users',
    method: 'POST',
    path: '/v1/me/sign-out',
    summary: 'Sign out everywhere, here too',
    auth: 'user',
    success: { status: 200, body: SessionsEnded },
  }),
  endSessionsOfUser: route({
    id: 'endSessionsOfUser',
    service: 'users',
    method: 'POST',
    path: '/v1/operations/users/{id}/sign-out',
    summary: 'End all sessions of an account',
    auth: 'operator',
    params: byId,
    success: { status: 200, body: SessionsEnded },
    problems: ['not-found'],
  }),
  listSellersById: route({
    id: 'listSellersById',
    service: 'users',
    method: 'GET',
    path: '/v1/users/by-id',
    summary: 'Several sellers at once; those who do not exist are left out',
    auth: 'public',
    query: z.object({ ids: ids(UserId).meta({ description: 'Comma-separated' }) }),
    success: { status: 200, body: z.object({ items: z.array(SellerPage) }) },
  }),
  getSeller: route({
    id: 'getSeller',
    service: 'users',
    method: 'GET',
    path: '/v1/users/{id}',
    summary: 'A seller as others see them',
    auth: 'public',
    params: byId,
    success: { status: 200, body: SellerPage },
    problems: ['not-found'],
  }),
  listReviews: route({
    id: 'listReviews',
    service: 'users',
    method: 'GET',
    path: '/v1/users/{id}/reviews',
    summary: 'Reviews of a seller',
    auth: 'public',
    params: byId,
    query: z.object({ cursor: Cursor.optional(), limit: Limit.default(20) }),
    success: { status: 200, body: page(Review) },
    problems: ['not-found'],
  }),
  createReview: route({
    id: 'createReview',
    service: 'users',
    method: 'POST',
    path: '/v1/reviews',
    summary: 'Review the seller of your completed order',
    auth: 'user',
    body: NewReview,
    success: { status: 201, body: Review },
    problems: ['not-found', 'conflict'],
  }),
};
