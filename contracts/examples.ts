// Examples of every operation, as shell commands that work when pasted against a running `npm start`.
import { demoBuyer, demoModerator, demoOperator, demoPassword, demoSellers } from './demo.ts';

type Account = 'buyer' | 'seller' | 'moderator' | 'operator';
/** What an example needs before it: `AD` is an ad on sale, `ORDER` an order of the buyer's, and so on. */
type Variable = keyof typeof makes;

export interface Example {
  readonly as?: Account;
  readonly needs?: readonly Variable[];
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What is made a moment before is heard of elsewhere a moment later. */
  readonly retried?: true;
  /** The whole command, where it is no JSON. */
  readonly command?: string;
}

const emails: Readonly<Record<Account, string>> = {
  buyer: demoBuyer.email,
  seller: demoSellers[0].email,
  moderator: demoModerator.email,
  operator: demoOperator.email,
};
const login = (as: Account): string =>
  `curl -s $LOTOK/v1/auth/login --json '{"email":"${emails[as]}","password":"${demoPassword}"}'`;
const newAccount = `curl -s $LOTOK/v1/auth/register --json "{\\"email\\":\\"leaver-$(date +%s%N)@example.org\\",\\"password\\":\\"a long password\\"}"`;
const asUser = '-H "Authorization: Bearer $TOKEN"';
const key = '-H "Idempotency-Key: example-$(date +%s%N)"';
const address = '{"method":"courier","address":"Москва, Тверская, 1"}';
const until = (status: string): string =>
  `until curl -s $LOTOK/v1/orders/$ORDER ${asUser} | jq -e '.status == "${status}"' > /dev/null; do sleep 0.2; done`;

const order = [
  `MADE=$(curl -s $LOTOK/v1/orders ${asUser} ${key} --json "{\\"ad_id\\":\\"$AD\\",\\"delivery\\":${address.replaceAll('"', '\\"')}}")`,
  `ORDER=$(echo "$MADE" | jq -r .id)`,
];
const paid = [
  ...order,
  `curl -s -o /dev/null -X POST $LOTOK/sandbox/psp/payments/$(echo "$MADE" | jq -r .payment.id)/approve`,
  until('paid'),
];
const delivered = [
  ...paid,
  `SHIPMENT=$(until curl -s $LOTOK/v1/orders/$ORDER ${asUser} | jq -er .delivery.shipment_id; do sleep 0.2; done)`,
  ...['accepted', 'delivered'].map(
    (stage) =>
      `until curl -sf -o /dev/null $LOTOK/sandbox/courier/shipments/$SHIPMENT/advance --json '{"stage":"${stage}"}'; do sleep 0.2; done`,
  ),
  until('delivered'),
];
const photo = [
  'curl -s $LOTOK/media/01935b5e-7d01-7000-8000-000000000020/full.webp -o /tmp/lotok-photo.webp',
  `UPLOAD=$(curl -s $LOTOK/v1/media/uploads ${asUser} --json "{\\"content_type\\":\\"image/webp\\",\\"size\\":$(wc -c < /tmp/lotok-photo.webp)}")`,
];
const upload =
  'curl -sS --fail-with-body -X PUT "$(echo "$UPLOAD" | jq -r .upload_url)" -H "Content-Type: image/webp" --data-binary @/tmp/lotok-photo.webp';

/** Lines that give a variable its value; they come after the token. */
const makes = {
  AD: [`AD=$(curl -s "$LOTOK/v1/ads?limit=1" | jq -r '.items[0].id')`],
  SELLERS_AD: [`AD=$(curl -s "$LOTOK/v1/ads?seller=${demoSellers[0].id}&limit=1" | jq -r '.items[0].id')`],
  OWN_AD: [
    `OWN_AD=$(curl -s $LOTOK/v1/ads ${asUser} --json '{"title":"Книга","description":"Как новая","price":{"amount":50000,"currency":"RUB"},"category":"books","city":"moscow","draft":true}' | jq -r .id)`,
  ],
  WAITING_AD: [`WAITING_AD=$(curl -s "$LOTOK/v1/moderation/ads?limit=1" ${asUser} | jq -r '.items[0].id')`],
  ORDER: order,
  PAID: paid,
  DELIVERED: delivered,
  SHIPMENT: [
    ...paid,
    `SHIPMENT=$(until curl -s $LOTOK/v1/orders/$ORDER ${asUser} | jq -er .delivery.shipment_id; do sleep 0.2; done)`,
    `TOKEN=$(${login('seller')} | jq -r .access_token)`,
  ],
  PAYMENT: ['PAYMENT=$(echo "$MADE" | jq -r .payment.id)'],
  POINT: [`POINT=$(curl -s "$LOTOK/v1/deliveries/pickup-points?city=moscow&limit=1" | jq -r '.items[0].id')`],
  COMPLETED: [...delivered, `curl -s -X POST $LOTOK/v1/orders/$ORDER/accept ${asUser} > /dev/null`, until('completed')],
  REPORT: [
    `REPORT=$(curl -s $LOTOK/v1/reports ${asUser} --json "{\\"subject\\":{\\"type\\":\\"ad\\",\\"id\\":\\"$AD\\"},\\"reason\\":\\"spam\\"}" | jq -r .id)`,
  ],
  CHAT: [`CHAT=$(curl -s $LOTOK/v1/conversations ${asUser} --json "{\\"ad_id\\":\\"$AD\\"}" | jq -r .id)`],
  MESSAGE: [
    `MESSAGE=$(curl -s $LOTOK/v1/conversations/$CHAT/messages ${asUser} ${key} --json '{"text":"Ещё продаёте?"}' | jq -r .id)`,
  ],
  COMPLAINT: [
    `curl -s $LOTOK/v1/reports ${asUser} --json "{\\"subject\\":{\\"type\\":\\"message\\",\\"id\\":\\"$MESSAGE\\"},\\"reason\\":\\"spam\\"}" > /dev/null`,
  ],
  LEAVER: [`LEAVER=$(${newAccount} | jq -r .access_token)`],
  LEAVER_ID: [`LEAVER_ID=$(${newAccount} | jq -r .user_id)`],
  SAVED: [
    `SAVED=$(curl -s $LOTOK/v1/me/searches ${asUser} --json '{"name":"Example","query":{"q":"stels"}}' | jq -r .id)`,
  ],
  REFRESH: [`REFRESH=$(${login('buyer')} | jq -r .refresh_token)`],
  NOTICE: [`NOTICE=$(until curl -s $LOTOK/v1/notifications ${asUser} | jq -er '.items[0].id'; do sleep 0.2; done)`],
  PHOTO: photo,
  MEDIA: [...photo, upload, `MEDIA=$(echo "$UPLOAD" | jq -r .media_id)`],
  /** The operator's token comes after the buyer's order. */
  OPERATOR: [`TOKEN=$(${login('operator')} | jq -r .access_token)`],
  MODERATOR: [`TOKEN=$(${login('moderator')} | jq -r .access_token)`],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const seller = demoSellers[0].id;

/**
 * By operation id. What only others can sign has none (webhooks, the links of mails), nor what only a real payment
 * provider takes.
 */
export const examples: Readonly<Record<string, Example>> = {
  listAds: { query: { category: 'bicycles', price_max: '5000000', sort: 'price_asc', limit: '5' } },
  listAdsById: { needs: ['AD'], query: { ids: '$AD' } },
  getAd: { needs: ['AD'], params: { id: '$AD' } },
  createAd: {
    as: 'seller',
    body: {
      title: 'Собрание сочинений Чехова',
      description: '12 томов, 1960 год',
      price: { amount: 450_000, currency: 'RUB' },
      category: 'books',
      city: 'moscow',
      draft: true,
    },
  },
  changeAd: { as: 'seller', needs: ['OWN_AD'], params: { id: '$OWN_AD' }, body: { title: 'Книга с картинками' } },
  deleteAd: { as: 'seller', needs: ['OWN_AD'], params: { id: '$OWN_AD' } },
  listMyAds: { as: 'seller', query: { status: 'active' } },
  listCategories: {},
  listCities: {},
  listFavourites: { as: 'buyer' },
  addFavourite: { as: 'buyer', needs: ['AD'], params: { id: '$AD' } },
  removeFavourite: { as: 'buyer', needs: ['AD'], params: { id: '$AD' } },
  listModeration: { as: 'moderator' },
  moderateAd: {
    as: 'moderator',
    needs: ['WAITING_AD'],
    params: { id: '$WAITING_AD' },
    body: { decision: 'reject', reason: 'Только предоплата' },
  },
  register: { body: { email: 'example-$(date +%s%N)@example.org', password: 'a long password', language: 'ru' } },
  login: { body: { email: demoBuyer.email, password: demoPassword } },
  refresh: { needs: ['REFRESH'], body: { refresh_token: '$REFRESH' } },
  logout: { needs: ['REFRESH'], body: { refresh_token: '$REFRESH' } },
  checkSession: { as: 'buyer' },
  jwks: {},
  me: { as: 'buyer' },
  changeMe: { as: 'buyer', body: { language: 'ru' } },
  changePassword: {
    needs: ['LEAVER'],
    headers: { Authorization: 'Bearer $LEAVER' },
    body: { current_password: 'a long password', new_password: 'a longer password' },
  },
  endMySessions: { needs: ['LEAVER'], headers: { Authorization: 'Bearer $LEAVER' } },
  endSessionsOfUser: { as: 'operator', needs: ['LEAVER_ID'], params: { id: '$LEAVER_ID' } },
  getSeller: { params: { id: seller } },
  listSellersById: { query: { ids: `${seller},${demoSellers[1].id}` } },
  listReviews: { params: { id: seller } },
  createReview: {
    as: 'buyer',
    needs: ['AD', 'COMPLETED'],
    body: { order_id: '$ORDER', rating: 5, text: 'Всё как на фото' },
    retried: true,
  },
  search: { query: { q: 'велосипед', city: 'moscow', limit: '5' } },
  suggest: { query: { q: 've' } },
  listSavedSearches: { as: 'buyer' },
  saveSearch: { as: 'buyer', body: { name: 'Велосипеды', query: { q: 'велосипед', price_max: 3_000_000 } } },
  removeSavedSearch: { as: 'buyer', needs: ['SAVED'], params: { id: '$SAVED' } },
  createUpload: { as: 'seller', body: { content_type: 'image/webp', size: 20_000 } },
  putObject: { as: 'seller', needs: ['PHOTO'], command: upload },
  completeUpload: { as: 'seller', needs: ['MEDIA'], params: { id: '$MEDIA' } },
  getMedia: { as: 'seller', needs: ['MEDIA'], params: { id: '$MEDIA' } },
  getVariant: {
    command:
      'curl -sS --fail-with-body $LOTOK/media/01935b5e-7d01-7000-8000-000000000020/card.webp -o /tmp/lotok-card.webp',
  },
  createReport: {
    as: 'buyer',
    needs: ['AD'],
    body: { subject: { type: 'ad', id: '$AD' }, reason: 'wrong_category', comment: 'Это не велосипед' },
  },
  getReport: { as: 'buyer', needs: ['AD', 'REPORT'], params: { id: '$REPORT' } },
  listReports: { as: 'moderator', query: { status: 'processing' } },
  resolveReport: {
    as: 'buyer',
    needs: ['AD', 'REPORT', 'MODERATOR'],
    params: { id: '$REPORT' },
    body: { decision: 'reject', resolution: 'Всё в порядке' },
  },
  createOrder: {
    as: 'buyer',
    needs: ['AD'],
    headers: { 'Idempotency-Key': 'example-$(date +%s%N)' },
    body: { ad_id: '$AD', delivery: { method: 'courier', address: 'Москва, Тверская, 1' } },
  },
  listOrders: { as: 'buyer', query: { role: 'buyer', limit: '5' } },
  getOrder: { as: 'buyer', needs: ['AD', 'ORDER'], params: { id: '$ORDER' } },
  cancelOrder: { as: 'buyer', needs: ['AD', 'ORDER'], params: { id: '$ORDER' } },
  acceptOrder: { as: 'buyer', needs: ['AD', 'DELIVERED'], params: { id: '$ORDER' } },
  countOperations: { as: 'operator' },
  listOperations: { as: 'operator', query: { limit: '5' } },
  getOrderStory: { as: 'buyer', needs: ['AD', 'ORDER', 'OPERATOR'], params: { id: '$ORDER' } },
  decideOnOrder: {
    as: 'buyer',
    needs: ['AD', 'PAID', 'OPERATOR'],
    params: { id: '$ORDER' },
    body: { action: 'compensate', status: 'paid', note: 'The seller asked for it' },
  },
  quoteFee: { as: 'seller', query: { price: '1500000', currency: 'RUB' } },
  getBalance: { as: 'seller' },
  getStatement: { as: 'seller', query: { currency: 'RUB', limit: '5' } },
  listPayoutDestinations: { as: 'seller' },
  refundPart: {
    as: 'buyer',
    needs: ['AD', 'DELIVERED', 'PAYMENT', 'OPERATOR'],
    params: { id: '$PAYMENT' },
    headers: { 'Idempotency-Key': 'example-$(date +%s%N)' },
    body: { amount: { amount: 1_000, currency: 'RUB' }, reason: 'A scratch that the photos do not show' },
    retried: true,
  },
  quote: { query: { from_city: 'kazan', to_city: 'moscow' } },
  listPickupPoints: { query: { latitude: '55.75', longitude: '37.61', limit: '5' } },
  getPickupPoint: { needs: ['POINT'], params: { id: '$POINT' } },
  getLabel: {
    as: 'buyer',
    needs: ['SELLERS_AD', 'SHIPMENT'],
    command: `curl -sS --fail-with-body --retry 20 --retry-delay 1 --retry-all-errors $LOTOK/v1/deliveries/shipments/$SHIPMENT/label ${asUser} -o /tmp/lotok-label.pdf`,
  },
  listNotifications: { as: 'buyer', query: { limit: '5' } },
  markRead: { as: 'buyer', needs: ['AD', 'ORDER', 'NOTICE'], body: { up_to: '$NOTICE' } },
  getPreferences: { as: 'buyer' },
  putPreferences: { as: 'buyer', body: { email: true, in_app: true, muted: ['order_created'] } },
  unblockEmail: { as: 'buyer' },
  startConversation: { as: 'buyer', needs: ['AD'], body: { ad_id: '$AD' } },
  listConversations: { as: 'buyer', query: { limit: '5' } },
  getConversation: { as: 'buyer', needs: ['AD', 'CHAT'], params: { id: '$CHAT' } },
  listMessages: { as: 'buyer', needs: ['AD', 'CHAT'], params: { id: '$CHAT' }, query: { limit: '5' } },
  sendMessage: {
    as: 'buyer',
    needs: ['AD', 'CHAT'],
    params: { id: '$CHAT' },
    headers: { 'Idempotency-Key': 'example-$(date +%s%N)' },
    body: { text: 'Ещё продаёте?' },
  },
  readConversation: { as: 'buyer', needs: ['AD', 'CHAT'], params: { id: '$CHAT' }, body: { up_to: 0 } },
  blockPartner: { as: 'buyer', needs: ['AD', 'CHAT'], params: { id: '$CHAT' } },
  unblockPartner: { as: 'buyer', needs: ['AD', 'CHAT'], params: { id: '$CHAT' } },
  getReportedMessage: {
    as: 'buyer',
    needs: ['AD', 'CHAT', 'MESSAGE', 'COMPLAINT', 'MODERATOR'],
    params: { id: '$MESSAGE' },
    retried: true,
  },
  stream: {
    as: 'buyer',
    // It goes on until the token expires; two seconds show how it begins.
    command: `curl -sS -N --max-time 2 "$LOTOK/v1/stream?topics=orders,deliveries" ${asUser} || [ $? = 28 ]`,
  },
  createStreamTicket: { as: 'buyer' },
  graphql: { body: { query: '{ home { categories { id name { en } ads } newest(first: 3) { items { title } } } }' } },
  readGraphql: {
    command:
      'curl -sS --fail-with-body -G $LOTOK/graphql --data-urlencode \'query={ search(q: "stels") { total items { title } } }\'',
  },
};

/** The shell commands of an example: where the gateway is, who asks, what is needed, and the call itself. */
export function shellOf(
  { as, needs = [], params = {}, query = {}, headers = {}, body, retried, command }: Example,
  { method, path, serverUrl }: { readonly method: string; readonly path: string; readonly serverUrl: string },
): string {
  const lines = [`LOTOK=${serverUrl}`];
  if (as) lines.push(`TOKEN=$(${login(as)} | jq -r .access_token)`);
  for (const name of needs) lines.push(...makes[name]);
  lines.push(command ?? callOf());
  return lines.join('\n');

  function callOf(): string {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => params[name] ?? '');
    const search = Object.entries(query).map(([name, value]) => `${name}=${plain(value)}`);
    const parts = [
      `curl -sS --fail-with-body${retried ? ' --retry 20 --retry-delay 1 --retry-all-errors' : ''}`,
      ...(method === 'GET' || (method === 'POST' && body !== undefined) ? [] : [`-X ${method}`]),
      `"$LOTOK${filled}${search.length > 0 ? `?${search.join('&')}` : ''}"`,
      ...(as ? [asUser] : []),
      ...Object.entries(headers).map(([name, value]) => `-H "${name}: ${value}"`),
    ];
    if (body === undefined) return parts.join(' ');
    return `${parts.join(' ')} --json @- <<JSON\n${JSON.stringify(body)}\nJSON`;
  }
}

/** A shell's variable stays one; anything else is written as an address has it. */
const plain = (value: string): string =>
  value.startsWith('$') ? value : encodeURIComponent(value).replaceAll('%2C', ',');
