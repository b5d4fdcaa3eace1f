// The form of an ad: what a category asks for, pictures, and the body that core gets.
import { html } from 'hono/html';
import type { Ad, Attribute, Category } from '../../../contracts/ads.ts';
import { type Catalogue, cityChoices } from '../catalogue.ts';
import { type Choice, formProblem, input, select, textarea } from '../fields.ts';
import type { Form } from '../form.ts';
import type { Html } from '../html.ts';
import { parsePrice, priceInput, unitName } from '../i18n.ts';
import { icon } from '../icons.ts';
import type { Visit } from '../visit.ts';

export interface FormPhoto {
  readonly id: string;
  readonly thumbUrl: string | null;
}

/** Values of an ad as the form types them. */
export function adValues(ad: Ad): URLSearchParams {
  const values = new URLSearchParams({
    title: ad.title,
    description: ad.description,
    price: priceInput(ad.price),
    city: ad.city,
    category: ad.category,
    version: String(ad.version),
  });
  for (const [id, value] of Object.entries(ad.attributes)) values.set(`attributes.${id}`, String(value));
  for (const { id } of ad.photos) values.append('photos', id);
  return values;
}

/** What was typed as core's body. What can't be read is sent on as such: core names every wrong field at once. */
export const adBody = (values: URLSearchParams, category: Category) => ({
  title: values.get('title') ?? '',
  description: values.get('description') ?? '',
  price: { amount: parsePrice(values.get('price') ?? '') ?? 0, currency: 'RUB' },
  category: category.id,
  city: values.get('city') ?? '',
  attributes: Object.fromEntries(
    category.attributes.flatMap((attribute) => {
      const typed = (values.get(`attributes.${attribute.id}`) ?? '').trim();
      return typed === '' ? [] : [[attribute.id, attributeValue(attribute, typed)]];
    }),
  ),
  photos: values.getAll('photos'),
});

const attributeValue = ({ type }: Attribute, typed: string): string | number | boolean => {
  switch (type) {
    case 'number':
      return Number(typed.replace(',', '.'));
    case 'boolean':
      return typed === 'true';
    case 'text':
    case 'choice':
      return typed;
    default:
      return type satisfies never;
  }
};

/** Photos by id with the addresses of their previews, in the order in which the form has them. */
export async function formPhotos(
  { client }: Visit,
  values: URLSearchParams,
  known: Ad | undefined,
): Promise<FormPhoto[]> {
  return Promise.all(
    values
      .getAll('photos')
      .slice(0, 10)
      .map(async (id) => {
        const photo = known?.photos.find((each) => each.id === id);
        const thumbUrl =
          photo?.thumb_url ??
          (await client.get('getMedia', { id }).then(
            (media) => media.thumb_url,
            () => null,
          ));
        return { id, thumbUrl };
      }),
  );
}

export const adForm = (
  visit: Visit,
  catalogue: Catalogue,
  category: Category,
  form: Form,
  photos: readonly FormPhoto[],
  action: string,
  buttons: Html,
): Html => {
  const { t } = visit;
  return html`<form method="post" action="${action}" class="ad-form" data-once data-ad-form data-texts="${photoTexts(visit)}">
    ${formProblem(form)}
    <input type="hidden" name="category" value="${category.id}">
    <input type="hidden" name="version" value="${form.values.get('version') ?? ''}">
    <section class="panel">
      ${input(form, t, { name: 'title', label: t.sell.name, hint: t.sell.nameHint, maxlength: 120 })}
      ${textarea(form, t, { name: 'description', label: t.sell.text, hint: t.sell.textHint, rows: 7, maxlength: 5000 })}
      <div class="two-columns">
        ${input(form, t, { name: 'price', label: t.sell.price, inputmode: 'decimal', maxlength: 14 })}
        ${select(form, t, { name: 'city', label: t.sell.city, empty: t.sell.chooseCity, choices: cityChoices(catalogue) })}
      </div>
    </section>
    ${photoSection(visit, form, photos)}
    ${category.attributes.length > 0 && html`<section class="panel"><h2 class="h3">${t.sell.details}</h2><div class="two-columns">${category.attributes.map((attribute) => attributeField(visit, form, attribute))}</div></section>`}
    <div class="actions">${buttons}</div>
  </form>`;
};

const attributeField = ({ t, format }: Visit, form: Form, attribute: Attribute): Html => {
  const name = `attributes.${attribute.id}`;
  const label = format.text(attribute.name);
  const { required } = attribute;
  const suffix = attribute.unit === undefined ? undefined : unitName(t, attribute.unit);
  const choose = (choices: readonly Choice[]): Html =>
    select(form, t, { name, label, required, choices, empty: t.sell.choose });
  switch (attribute.type) {
    case 'choice':
      return choose((attribute.choices ?? []).map((choice) => ({ value: choice.id, text: format.text(choice.name) })));
    case 'boolean':
      return choose([
        { value: 'true', text: t.yes },
        { value: 'false', text: t.no },
      ]);
    case 'number':
      return input(form, t, { name, label, required, inputmode: 'decimal', maxlength: 20, suffix });
    case 'text':
      return input(form, t, { name, label, required, maxlength: 100, suffix });
    default:
      return attribute.type satisfies never;
  }
};

const photoTexts = ({ t }: Visit): string => {
  const { uploading, processing, tooLarge, wrongType, tooMany, uploadFailed, wait, main } = t.sell;
  return JSON.stringify({ uploading, processing, tooLarge, wrongType, tooMany, uploadFailed, wait, main });
};

const photoSection = ({ t }: Visit, form: Form, photos: readonly FormPhoto[]): Html => {
  const error = form.errors.get('photos');
  return html`<section class="panel" aria-labelledby="photos-title">
    <h2 id="photos-title" class="h3">${t.sell.photos}</h2>
    <p class="hint" id="photos-hint">${t.sell.photosHint}</p>
    <ul class="uploads" role="list" data-uploads>${photos.map((photo) => photoItem(t, photo))}</ul>
    <template data-upload-template>${photoItem(t, { id: '', thumbUrl: '' })}</template>
    <p class="error" role="alert" data-upload-problem>${error}</p>
    <label class="button button-quiet upload-button" hidden data-upload-button>${icon('camera', 20)} ${t.sell.addPhotos}
      <input class="visually-hidden" type="file" accept="image/jpeg,image/png,image/webp" multiple data-upload-input aria-describedby="photos-hint"></label>
    <noscript><p class="muted">${t.sell.noScript}</p></noscript>
  </section>`;
};

const photoItem = (t: Visit['t'], { id, thumbUrl }: FormPhoto): Html => html`<li class="upload">
  <span class="upload-picture">${thumbUrl === null ? icon('camera', 28) : html`<img src="${thumbUrl}" width="160" height="120" alt="">`}</span>
  <input type="hidden" name="photos" value="${id}">
  <progress max="100" value="0" hidden></progress>
  <span class="upload-state small" role="status"></span>
  <span class="upload-buttons"><button type="button" class="button-icon" data-make-main aria-label="${t.sell.makeMain}" title="${t.sell.makeMain}">★</button><button type="button" class="button-icon" data-remove aria-label="${t.sell.removePhoto}" title="${t.sell.removePhoto}">✕</button></span>
</li>`;
