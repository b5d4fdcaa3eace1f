// The sandbox provider's hosted payment page, and the bank's page behind it.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { Refusal, readText } from '../api.ts';
import { type Language, languageOf, showPage } from '../page.ts';
import type { PaymentRow, Status } from './books.ts';
import { beginCode, decide, enterCode, find, type Psp } from './psp.ts';

export function pspPages(app: Hono, psp: Psp, secret: string): void {
  const pagePath = '/sandbox/psp/pay/:id';
  const codePath = `${pagePath}/code`;
  /** In each form, so that no other site can send it. */
  const formToken = (payment: PaymentRow): string =>
    createHmac('sha256', secret).update(`form:${payment.id}`).digest('base64url');

  app.get(pagePath, (c) =>
    showing(c, async (language) => {
      const payment = await find(psp.db, c.req.param('id'));
      return payment.status === 'pending'
        ? payPage(c, language, payment, formToken(payment))
        : donePage(c, language, payment);
    }),
  );
  app.post(pagePath, (c) =>
    showing(c, async (language) => {
      const payment = await find(psp.db, c.req.param('id'));
      const form = await readForm(c, formToken(payment));
      switch (form.get('choice')) {
        case 'approve':
          await decide(psp, payment.id, 'authorized');
          return c.redirect(payment.return_url, 303);
        case 'decline':
          await decide(psp, payment.id, 'declined', 'declined_by_bank');
          return c.redirect(payment.return_url, 303);
        case 'later':
          return c.redirect(payment.return_url, 303);
        case 'code':
          await beginCode(psp, payment.id);
          return c.redirect(`${payment.id}/code?lang=${language}`, 303);
        default:
          throw new Refusal(422, 'choice', 'Choose one of the buttons');
      }
    }),
  );
  app.get(codePath, (c) =>
    showing(c, async (language) => {
      const payment = await find(psp.db, c.req.param('id'));
      return payment.status === 'pending' && payment.code
        ? codePage(c, language, payment, formToken(payment), false)
        : donePage(c, language, payment);
    }),
  );
  app.post(codePath, (c) =>
    showing(c, async (language) => {
      const known = await find(psp.db, c.req.param('id'));
      const form = await readForm(c, formToken(known));
      const payment = await enterCode(psp, known.id, String(form.get('code') ?? '').slice(0, 20));
      return payment.status === 'pending'
        ? codePage(c, language, payment, formToken(payment), true)
        : c.redirect(payment.return_url, 303);
    }),
  );
}

async function showing(c: Context, show: (language: Language) => Promise<Response>): Promise<Response> {
  const language = languageOf(c);
  try {
    return await show(language);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Somebody paid or gave up meanwhile: the page says how it stands.
    if (error.status === 409) return c.redirect(`${new URL(c.req.url).pathname}?lang=${language}`, 303);
    const t = texts[language];
    const title = error.status === 404 ? t.unknown : t.broken;
    return showPage(
      c,
      { language, title, body: html`${head(language)}<section class="card"><h1>${title}</h1></section>` },
      error.status === 404 ? 404 : 422,
    );
  }
}

async function readForm(c: Context, expected: string): Promise<URLSearchParams> {
  const form = new URLSearchParams(await readText(c));
  const given = Buffer.from(form.get('token') ?? '');
  const token = Buffer.from(expected);
  if (given.length !== token.length || !timingSafeEqual(given, token)) {
    throw new Refusal(422, 'token', 'The form is not ours');
  }
  return form;
}

const payPage = (c: Context, language: Language, payment: PaymentRow, token: string) => {
  const t = texts[language];
  return showPage(c, {
    language,
    title: t.title,
    formTarget: payment.return_url,
    body: html`${head(language)}
<section class="card">
<h1>${payment.description}</h1>
<p class="sum">${money(payment, language)}</p>
<p class="muted">${t.to(shopOf(payment))}</p>
<form method="post" action="${payment.id}?lang=${language}">
<input type="hidden" name="token" value="${token}">
<button class="main" name="choice" value="approve">${t.pay(money(payment, language))}</button>
<button name="choice" value="code">${t.payWithCode}</button>
<button name="choice" value="decline">${t.decline}</button>
<button name="choice" value="later">${t.later}</button>
</form>
<p class="note">${t.sandbox}</p>
</section>
${foot(language, payment)}`,
  });
};

const codePage = (c: Context, language: Language, payment: PaymentRow, token: string, wrong: boolean) => {
  const t = texts[language];
  return showPage(
    c,
    {
      language,
      title: t.codeTitle,
      formTarget: payment.return_url,
      body: html`${head(language)}
<section class="card">
<h1>${t.codeTitle}</h1>
<p class="sum">${money(payment, language)}</p>
<p class="note">${t.message} <strong>${payment.code}</strong></p>
<form method="post" action="code?lang=${language}">
<input type="hidden" name="token" value="${token}">
<label>${t.code}
<input name="code" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="12" required autofocus${wrong ? html` aria-invalid="true" aria-describedby="wrong"` : ''}>
</label>
${wrong ? html`<p class="error" id="wrong" role="alert">${t.wrongCode(3 - payment.wrong_codes)}</p>` : ''}
<button class="main">${t.confirm}</button>
</form>
</section>
${foot(language, payment, '/code')}`,
    },
    wrong ? 422 : 200,
  );
};

const donePage = (c: Context, language: Language, payment: PaymentRow) => {
  const t = texts[language];
  const good = payment.status === 'authorized' || payment.status === 'captured';
  return showPage(c, {
    language,
    title: t.status[payment.status],
    body: html`${head(language)}
<section class="card">
<h1 class="${good ? 'good' : 'bad'}">${t.status[payment.status]}</h1>
<p class="muted">${payment.description}</p>
<p class="sum">${money(payment, language)}</p>
<a class="button" href="${payment.return_url}">${t.back}</a>
</section>
${foot(language, payment)}`,
  });
};

const head = (language: Language) =>
  html`<header class="head"><span class="mark" aria-hidden="true">₽</span>Lotok Pay<span class="tag">${texts[language].tag}</span></header>`;

const foot = (language: Language, payment: PaymentRow, page = '') => {
  const other = language === 'ru' ? 'en' : 'ru';
  return html`<footer class="foot"><p>${payment.id}</p><p><a href="/sandbox/psp/pay/${payment.id}${page}?lang=${other}" lang="${other}" hreflang="${other}">${texts[other].name}</a></p></footer>`;
};

const shopOf = ({ return_url }: PaymentRow): string => new URL(return_url).host;

const money = ({ amount, currency }: PaymentRow, language: Language): string => {
  const format = new Intl.NumberFormat(language, { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
};

const texts = {
  ru: {
    name: 'Русский',
    tag: 'тестовый режим',
    title: 'Оплата заказа',
    to: (shop: string) => `Получатель: ${shop}. Деньги спишутся, когда курьер заберёт посылку.`,
    pay: (sum: string) => `Оплатить ${sum}`,
    payWithCode: 'Оплатить с кодом 3-D Secure',
    decline: 'Банк отклоняет платёж',
    later: 'Ничего не делать, вернуться в магазин',
    sandbox: 'Это учебный платёжный сервис: карта не нужна, деньги не списываются.',
    codeTitle: 'Подтверждение банка',
    message: 'Сообщение от банка: код подтверждения',
    code: 'Код из сообщения',
    wrongCode: (left: number) => `Код неверный. Осталось попыток: ${left}`,
    confirm: 'Подтвердить',
    back: 'Вернуться в магазин',
    unknown: 'Такого платежа нет',
    broken: 'Форма устарела. Откройте страницу оплаты заново',
    status: {
      pending: 'Ожидает оплаты',
      authorized: 'Платёж подтверждён',
      captured: 'Оплачено',
      cancelled: 'Платёж отменён магазином',
      declined: 'Платёж отклонён',
      refunded: 'Деньги возвращены',
    } satisfies Record<Status, string>,
  },
  en: {
    name: 'English',
    tag: 'test mode',
    title: 'Pay for your order',
    to: (shop: string) => `Paid to ${shop}. You are charged when the courier takes the parcel.`,
    pay: (sum: string) => `Pay ${sum}`,
    payWithCode: 'Pay with a 3-D Secure code',
    decline: 'The bank declines',
    later: 'Do nothing, back to the shop',
    sandbox: 'This is a test payment service: it asks for no card and moves no money.',
    codeTitle: 'Confirmation by your bank',
    message: 'A message from your bank: the code is',
    code: 'Code from the message',
    wrongCode: (left: number) => `The code is wrong. Tries left: ${left}`,
    confirm: 'Confirm',
    back: 'Back to the shop',
    unknown: 'There is no such payment',
    broken: 'This form is out of date. Open the payment page again',
    status: {
      pending: 'Waiting for payment',
      authorized: 'Payment approved',
      captured: 'Paid',
      cancelled: 'Cancelled by the shop',
      declined: 'Payment declined',
      refunded: 'Money returned',
    } satisfies Record<Status, string>,
  },
};
