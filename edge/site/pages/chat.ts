// Messages between a buyer and a seller: the list of conversations, and one of them as a thread.
import { html } from 'hono/html';
import { type Conversation, longestText, type Message, mostAttachments } from '../../../contracts/chat.ts';
import { CallFailed } from '../client.ts';
import { badge, breadcrumbs, emptyState, notice, pager, photo, time } from '../components.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';

const cursorOf = ({ url }: Visit): string | undefined => url.searchParams.get('cursor') ?? undefined;
const idOf = (c: SiteContext): { id: string } => ({ id: c.req.param('id') ?? '' });
const addressOf = ({ id }: { id: string }): string => `/messages/${encodeURIComponent(id)}`;

export async function conversationsPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const { t } = visit;
  return c.html(
    layout(
      visit,
      { title: t.chat.title, scripts: ['chat.js'] },
      html`<h1>${t.chat.title}</h1><div data-conversations>${await conversationList(visit)}</div>`,
    ),
  );
}

/** Only the list, for the page's script. */
export async function conversationsNow(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(await conversationList(visit));
}

async function conversationList(visit: Visit): Promise<Html> {
  const { t, client } = visit;
  const page = await client.get('listConversations', { cursor: cursorOf(visit) });
  return html`<div data-part="conversations">${
    page.items.length > 0
      ? html`<ul class="rows" role="list">${page.items.map((each) => html`<li>${conversationRow(visit, each)}</li>`)}</ul>${pager(visit, page.next_cursor)}`
      : emptyState('chat', t.chat.empty, { href: '/search', text: t.orders.toSearch })
  }</div>`;
}

const conversationRow = (visit: Visit, { id, ad, partner, last_message, unread }: Conversation): Html => {
  const { t, format } = visit;
  return html`<a class="row panel" href="/messages/${id}">
    <span class="thumb">${ad.thumb_url === null ? photo(undefined, '', t) : html`<img src="${ad.thumb_url}" width="64" height="64" alt="" loading="lazy">`}</span>
    <span class="row-text"><strong>${partner.name || t.chat.somebody}</strong><span class="muted small">${ad.title}</span>${last_message && html`<span class="chat-preview">${previewOf(visit, last_message)}</span>`}</span>
    <span class="row-end">${last_message && html`<span class="muted small">${time(last_message.created_at, format.time(last_message.created_at), 'time')}</span>`}${unread > 0 && html`<span class="badge badge-wait">${t.chat.unread(unread)}</span>`}</span>
  </a>`;
};

const previewOf = ({ t, session }: Visit, message: Message): string => {
  const text = message.removed ? t.chat.removed : message.text || t.chat.picture;
  const whole = message.sender_id === session?.userId ? `${t.chat.you} ${text}` : text;
  return whole.length > 120 ? `${whole.slice(0, 120)}…` : whole;
};

export async function writeToSeller(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const conversation = await visit.client.get('startConversation', { body: { ad_id: c.req.param('id') ?? '' } });
  return c.redirect(addressOf(conversation), 303);
}

export async function threadPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(await threadView(visit, idOf(c), blankForm({ key: crypto.randomUUID() })));
}

/** Only what changes, for the page's script. */
export async function threadNow(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(threadParts(visit, await loadThread(visit, idOf(c))));
}

export async function sendMessage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const params = idOf(c);
  const values = await readForm(c.req.raw);
  try {
    await visit.client.call('sendMessage', {
      ...params,
      idempotencyKey: values.get('key') ?? '',
      newMessage: {
        text: (values.get('text') ?? '').replaceAll('\r\n', '\n'),
        attachments: values.getAll('attachments'),
      },
    });
  } catch (error) {
    const form = failedForm(visit.t, error, values);
    return c.html(await threadView(visit, params, form), failedStatus(error));
  }
  return c.redirect(`${addressOf(params)}#newest`, 303);
}

export async function markConversationRead(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  await visit.client.call('readConversation', { ...idOf(c), body: { up_to: Number(values.get('up_to')) } });
  return c.body(null, 204);
}

export async function changeBlock(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const params = idOf(c);
  const wanted = (await readForm(c.req.raw)).get('block') === 'on';
  await visit.client.call(wanted ? 'blockPartner' : 'unblockPartner', params);
  return c.redirect(addressOf(params), 303);
}

interface Thread {
  readonly conversation: Conversation;
  /** Oldest first. */
  readonly messages: readonly Message[];
  readonly earlier: string | null;
}

async function loadThread(visit: Visit, params: { id: string }): Promise<Thread> {
  const { client } = visit;
  const [conversation, page] = await Promise.all([
    client.get('getConversation', params),
    client.get('listMessages', { ...params, cursor: cursorOf(visit) }),
  ]);
  return { conversation, messages: page.items.toReversed(), earlier: page.next_cursor };
}

async function threadView(visit: Visit, params: { id: string }, form: Form): Promise<Html> {
  const { t, client, session } = visit;
  const thread = await loadThread(visit, params);
  const { conversation, messages } = thread;
  const newest = messages.at(-1)?.number ?? 0;
  if (cursorOf(visit) === undefined && conversation.unread > 0) {
    // Whoever opens the page has read it; that it can't be noted now is no reason not to show it.
    await client.call('readConversation', { ...params, body: { up_to: newest } }).catch((error: unknown) => {
      if (!(error instanceof CallFailed)) throw error;
    });
  }
  const title = t.chat.with(conversation.partner.name || t.chat.somebody);
  return layout(
    visit,
    { title, scripts: ['chat.js'] },
    html`
    <div class="chat medium" data-chat="${conversation.id}" data-me="${session?.userId}" data-texts="${JSON.stringify(t.chat.upload)}">
      ${breadcrumbs(t, [{ href: '/messages', text: t.chat.title }])}
      <h1>${title}</h1>
      <div class="chat-parts">${threadParts(visit, thread)}</div>
      <div id="newest" role="alert" data-problem>${form.problem !== null && notice(form.errors.size > 0 ? t.chat.cannotSend : form.problem, 'bad')}</div>
      ${writeForm(visit, conversation, form)}
    </div>`,
  );
}

const threadParts = (visit: Visit, { conversation, messages, earlier }: Thread): Html => {
  const { t, format, url } = visit;
  const { ad, blocked, can_write } = conversation;
  return html`
    <a class="row panel chat-ad" href="/ads/${ad.id}" data-part="ad">
      <span class="thumb">${ad.thumb_url === null ? photo(undefined, '', t) : html`<img src="${ad.thumb_url}" width="64" height="64" alt="">`}</span>
      <span class="row-text"><strong>${ad.title}</strong><span>${format.money(ad.price)}</span></span>
      ${ad.status !== 'active' && badge(ad.status, t.ad.status[ad.status])}
    </a>
    <div data-part="messages" data-newest="${messages.at(-1)?.number ?? 0}">
      ${earlier !== null && html`<p class="centred"><a href="${url.pathname.replace(/\/now$/, '')}?cursor=${encodeURIComponent(earlier)}">${t.chat.earlier}</a></p>`}
      <ol class="chat-messages" role="list" aria-label="${t.chat.messages}">${messages.map((message) => messageItem(visit, conversation, message))}</ol>
      ${messages.length === 0 && html`<p class="muted centred">${t.chat.begin}</p>`}
    </div>
    <div data-part="block">
      ${!can_write && html`<p class="notice notice-plain">${blocked ? t.chat.youBlocked : t.chat.cannotWrite}</p>`}
      <form method="post" action="/messages/${conversation.id}/block"><button class="link" name="block" value="${blocked ? 'off' : 'on'}">${blocked ? t.chat.unblock : t.chat.block}</button></form>
    </div>`;
};

const messageItem = (visit: Visit, conversation: Conversation, message: Message): Html => {
  const { t, format, session } = visit;
  const mine = message.sender_id === session?.userId;
  const seen = mine && message.number <= conversation.partner_read_up_to;
  const report = new URLSearchParams({
    subject_type: 'message',
    subject_id: message.id,
    return: addressOf(conversation),
  });
  return html`<li class="chat-message${mine && html` chat-mine`}">
    <span class="visually-hidden">${mine ? t.chat.you : conversation.partner.name}</span>
    ${message.removed ? html`<p class="muted">${t.chat.removed}</p>` : html`${message.text && html`<p class="prose">${message.text}</p>`}${message.attachments.map(({ url, thumb_url, width, height }) => html`<a href="${url}"><img src="${thumb_url}" width="${width}" height="${height}" alt="${t.chat.picture}" loading="lazy"></a>`)}`}
    <p class="chat-meta">${time(message.created_at, format.time(message.created_at), 'time')}${seen && html` · ${t.chat.seen}`}${!mine && !message.removed && html` · <a href="/reports/new?${report}">${t.chat.report}</a>`}</p>
  </li>`;
};

const writeForm = ({ t }: Visit, { id, can_write }: Conversation, form: Form): Html =>
  can_write
    ? html`<form class="chat-form" method="post" action="/messages/${id}" data-once data-write>
      <input type="hidden" name="key" value="${form.values.get('key') ?? ''}">
      <ul class="chat-uploads" role="list" data-uploads></ul>
      <label class="visually-hidden" for="text">${t.chat.write}</label>
      <textarea id="text" name="text" rows="2" maxlength="${longestText}" placeholder="${t.chat.write}">${form.values.get('text') ?? ''}</textarea>
      <div class="chat-actions">
        <label class="button button-quiet" data-attach data-most="${mostAttachments}" hidden>${icon('camera', 20)}<span class="visually-hidden">${t.chat.attach}</span><input class="visually-hidden" type="file" accept="image/jpeg,image/png,image/webp" multiple></label>
        <button class="button">${t.send}</button>
      </div>
    </form>`
    : html``;
