// What sales have brought: above the list of sales.
import { html } from 'hono/html';
import type { Balance, FeeQuote, StatementEntry } from '../../../contracts/payments.ts';
import { CallFailed } from '../client.ts';
import { time } from '../components.ts';
import type { Html } from '../html.ts';
import type { Visit } from '../visit.ts';

interface Earnings {
  readonly balances: readonly Balance[];
  readonly newest: readonly StatementEntry[];
  readonly quote: FeeQuote;
}

const newestShown = 5;

/** Empty for who has sold nothing yet, and while payments does not answer: the sales themselves are there. */
export async function earningsPanel(visit: Visit): Promise<Html | ''> {
  const earnings = await read(visit);
  if (!earnings || earnings.balances.length === 0) return '';
  const { t, format } = visit;
  const { balances, newest, quote } = earnings;
  const money = (amount: number, currency: string): string => format.money({ amount, currency });
  return html`
    <section class="panel"><h2 class="h3">${t.earnings.title}</h2>
      ${balances.map(
        ({ currency, available, pending, paid_out }) => html`<dl class="facts">
          <div><dt>${t.earnings.available}</dt><dd><strong>${money(available, currency)}</strong></dd></div>
          <div><dt>${t.earnings.pending}</dt><dd>${money(pending, currency)}</dd></div>
          <div><dt>${t.earnings.paidOut}</dt><dd>${money(paid_out, currency)}</dd></div>
        </dl>`,
      )}
      ${newest.length > 0 ? html`<ul class="rows" role="list">${newest.map((entry) => html`<li>${statementRow(visit, entry)}</li>`)}</ul>` : ''}
      <p class="muted small">${quote.basis_points > 0 ? t.earnings.fee(format.percent(quote.basis_points / 10_000)) : t.earnings.noFee}</p>
    </section>`;
}

async function read({ client }: Visit): Promise<Earnings | null> {
  try {
    const { items: balances } = await client.get('getBalance');
    const [first] = balances;
    if (!first) return null;
    const [{ items: newest }, quote] = await Promise.all([
      client.get('getStatement', { limit: newestShown }),
      client.get('quoteFee', { price: 0, currency: first.currency }),
    ]);
    return { balances, newest, quote };
  } catch (error) {
    if (error instanceof CallFailed) return null;
    throw error;
  }
}

const statementRow = (
  { t, format }: Visit,
  { kind, title, amount, currency, fee, order_id, at }: StatementEntry,
) => html`
  <a class="row" href="/orders/${order_id}">
    <span class="row-text"><strong>${title}</strong><span class="muted small">${t.earnings.kind[kind]}${fee > 0 && html` · ${t.earnings.kept(format.money({ amount: fee, currency }))}`} · ${time(at, format.day(at), 'day')}</span></span>
    <span class="row-end"><strong>${amount > 0 ? '+' : '−'}${format.money({ amount: Math.abs(amount), currency })}</strong></span>
  </a>`;
