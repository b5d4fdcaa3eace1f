// The sandbox courier's public tracking page.
import type { Hono } from 'hono';
import { html } from 'hono/html';
import { Refusal } from '../api.ts';
import { languageOf, showPage } from '../page.ts';
import type { Stage } from './books.ts';
import { type Courier, find } from './courier.ts';

export function courierPages(app: Hono, { db }: Courier): void {
  app.get('/sandbox/courier/track/:tracking', async (c) => {
    const language = languageOf(c);
    const t = texts[language];
    const head = html`<header class="head"><span class="mark" aria-hidden="true">L</span>Lotok Courier<span class="tag">${t.tag}</span></header>`;
    const tracking = c.req.param('tracking');
    try {
      const shipment = await find(db, tracking);
      // Ids are for the shop; people have the tracking number.
      if (shipment.tracking_number !== tracking) throw new Refusal(404, 'not_found', 'There is no such shipment');
      const movements = await db
        .selectFrom('movements')
        .select(['stage', 'at'])
        .where('shipment_id', '=', shipment.id)
        .orderBy('id', 'desc')
        .execute();
      const time = new Intl.DateTimeFormat(language, {
        dateStyle: 'long',
        timeStyle: 'short',
        timeZone: 'Europe/Moscow',
      });
      const day = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long', timeZone: 'UTC' });
      const other = language === 'ru' ? 'en' : 'ru';
      const body = html`${head}
<section class="card">
<p class="muted">${tracking}</p>
<h1>${t.stage[shipment.stage]}</h1>
<p class="muted">${t.estimated(day.formatRange(new Date(shipment.estimated_from), new Date(shipment.estimated_to)))}</p>
<ol>${movements.map(({ stage, at }) => html`<li>${t.stage[stage]}<time datetime="${at.toISOString()}">${time.format(at)}</time></li>`)}</ol>
</section>
<footer class="foot"><a href="${tracking}?lang=${other}" lang="${other}" hreflang="${other}">${texts[other].name}</a></footer>`;
      return await showPage(c, { language, title: `${tracking} · ${t.stage[shipment.stage]}`, body });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const body = html`${head}<section class="card"><h1>${t.unknown}</h1></section>`;
      return showPage(c, { language, title: t.unknown, body }, 404);
    }
  });
}

const texts = {
  ru: {
    name: 'Русский',
    tag: 'тестовый режим',
    estimated: (days: string) => `Ожидаемая доставка: ${days}`,
    unknown: 'Такого отправления нет',
    stage: {
      created: 'Отправление оформлено',
      accepted: 'Принято у отправителя',
      in_transit: 'В пути',
      at_pickup_point: 'Ждёт в пункте выдачи',
      delivered: 'Вручено получателю',
      returned: 'Возвращено отправителю',
      lost: 'Утеряно',
      cancelled: 'Отменено',
    } satisfies Record<Stage, string>,
  },
  en: {
    name: 'English',
    tag: 'test mode',
    estimated: (days: string) => `Expected: ${days}`,
    unknown: 'There is no such parcel',
    stage: {
      created: 'Registered',
      accepted: 'Taken from the sender',
      in_transit: 'On its way',
      at_pickup_point: 'Waiting at the pick-up point',
      delivered: 'Delivered',
      returned: 'Returned to the sender',
      lost: 'Lost',
      cancelled: 'Cancelled',
    } satisfies Record<Stage, string>,
  },
};
