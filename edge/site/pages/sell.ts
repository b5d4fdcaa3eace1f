// Publishing an ad and changing it, with pictures that the browser uploads straight to the object store.
import { html } from 'hono/html';
import type { Ad, Category } from '../../../contracts/ads.ts';
import { type Catalogue, loadCatalogue } from '../catalogue.ts';
import { CallFailed, notFound } from '../client.ts';
import { badge, breadcrumbs, notice } from '../components.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { categoryIcon, icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';
import { adETag, findMyAd } from './my-ads.ts';
import { adBody, adForm, adValues, formPhotos } from './sell-form.ts';

export async function sellPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const catalogue = await loadCatalogue(visit);
  const category = catalogue.categories.find(({ id }) => id === c.req.query('category'));
  if (!category) return c.html(categoryView(visit, catalogue));
  return c.html(await newAdView(visit, catalogue, category, blankForm({ city: visit.city ?? '' })));
}

export async function publishAd(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const catalogue = await loadCatalogue(visit);
  const category = catalogue.categories.find(({ id }) => id === values.get('category'));
  if (!category) return c.redirect('/sell', 303);
  try {
    const ad = await visit.client.get('createAd', {
      newAd: { ...adBody(values, category), draft: values.get('intent') === 'draft' },
    });
    return c.redirect(`/my/ads?done=${ad.status}`, 303);
  } catch (error) {
    return c.html(await newAdView(visit, catalogue, category, failedForm(visit.t, error, values)), failedStatus(error));
  }
}

export async function editPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const [catalogue, ad] = await Promise.all([loadCatalogue(visit), findMyAd(visit, c.req.param('id') ?? '')]);
  const category = catalogue.categories.find(({ id }) => id === ad?.category);
  if (!ad || !category) throw notFound();
  return c.html(await editView(visit, catalogue, category, ad, blankForm(adValues(ad))));
}

export async function changeAd(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const id = c.req.param('id') ?? '';
  const values = await readForm(c.req.raw);
  const [catalogue, ad] = await Promise.all([loadCatalogue(visit), findMyAd(visit, id)]);
  const category = catalogue.categories.find((each) => each.id === ad?.category);
  if (!ad || !category) throw notFound();
  try {
    const changed = await visit.client.get('changeAd', {
      id,
      ifMatch: adETag(Number(values.get('version'))),
      adChange: { ...adBody(values, category), ...(values.get('intent') === 'publish' ? { status: 'active' } : {}) },
    });
    return c.redirect(`/my/ads?done=${values.get('intent') === 'publish' ? changed.status : 'saved'}`, 303);
  } catch (error) {
    const form = failedForm(visit.t, error, values);
    if (!(error instanceof CallFailed) || error.code !== 'precondition-failed')
      return c.html(await editView(visit, catalogue, category, ad, form), failedStatus(error));
    // What was typed stays; saving once more is then a decision made with the change known.
    form.values.set('version', String(ad.version));
    return c.html(
      await editView(visit, catalogue, category, ad, { ...form, problem: visit.t.sell.changedMeanwhile }),
      412,
    );
  }
}

const categoryView = (visit: Visit, catalogue: Catalogue): Html => {
  const { t } = visit;
  return layout(
    visit,
    { title: t.sell.title },
    html`
    <h1>${t.sell.chooseCategory}</h1>
    <ul class="categories" role="list">${catalogue.categories.map(({ id }) => html`<li><a href="/sell?category=${id}">${icon(categoryIcon(id), 28)}<span>${catalogue.categoryName(id)}</span></a></li>`)}</ul>`,
  );
};

const newAdView = async (visit: Visit, catalogue: Catalogue, category: Category, form: Form): Promise<Html> => {
  const { t } = visit;
  const photos = await formPhotos(visit, form.values, undefined);
  return layout(
    visit,
    { title: t.sell.title, scripts: ['sell.js'] },
    html`
    <div class="medium">
      ${breadcrumbs(t, [{ href: '/sell', text: t.sell.changeCategory }])}
      <h1>${t.sell.title}: ${catalogue.categoryName(category.id)}</h1>
      ${adForm(visit, catalogue, category, form, photos, '/sell', html`<button class="button button-large" name="intent" value="publish">${t.sell.publish}</button><button class="button button-quiet" name="intent" value="draft">${t.sell.draft}</button>`)}
    </div>`,
  );
};

const editView = async (visit: Visit, catalogue: Catalogue, category: Category, ad: Ad, form: Form): Promise<Html> => {
  const { t } = visit;
  const photos = await formPhotos(visit, form.values, ad);
  const published = ad.status === 'active' || ad.status === 'moderation';
  return layout(
    visit,
    { title: t.sell.editTitle, scripts: ['sell.js'] },
    html`
    <div class="medium">
      ${breadcrumbs(t, [{ href: '/my/ads', text: t.myAds.title }])}
      <h1>${t.sell.editTitle}</h1>
      <p>${badge(ad.status, t.ad.status[ad.status])}</p>
      ${ad.rejection_reason !== null && notice(`${t.myAds.rejected} ${ad.rejection_reason}`, 'bad')}
      ${adForm(
        visit,
        catalogue,
        category,
        form,
        photos,
        `/my/ads/${ad.id}/edit`,
        html`
        ${!published && html`<button class="button button-large" name="intent" value="publish">${t.sell.publish}</button>`}
        <button class="button ${published ? 'button-large' : 'button-quiet'}" name="intent" value="save">${t.save}</button>`,
      )}
    </div>`,
  );
};

/** The page's script asks for an upload address, uploads there by itself, and then says that it is done. */
export const startUpload = (c: SiteContext): Promise<Response> =>
  asJson(c, async ({ client }) => {
    // Whatever else it may be, core says so.
    const { content_type, size } = (await c.req.json()) as { content_type: string; size: number };
    const upload = await client.get('createUpload', { newUpload: { content_type, size } });
    return { ...upload, upload_url: reachable(upload.upload_url) };
  });

/** Our own store is behind this edge under whichever name the visitor knows it by; object storage has its own address. */
const reachable = (address: string): string => {
  const url = URL.parse(address);
  return url?.pathname.startsWith('/v1/media/objects/') ? url.pathname + url.search : address;
};

export const completeUpload = (c: SiteContext): Promise<Response> =>
  asJson(c, ({ client }) => client.get('completeUpload', { id: c.req.param('id') ?? '' }));

async function asJson(c: SiteContext, work: (visit: Visit) => Promise<object>): Promise<Response> {
  try {
    return c.json(await work(c.get('visit')));
  } catch (error) {
    if (error instanceof SyntaxError)
      return c.json({ type: 'urn:lotok:problem:invalid-json', title: '', status: 400 }, 400);
    if (!(error instanceof CallFailed)) throw error;
    return c.body(JSON.stringify(error.problem), failedStatus(error), { 'content-type': 'application/problem+json' });
  }
}
