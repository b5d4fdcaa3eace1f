// Inputs with their labels, hints and errors, tied together for screen readers.
import { html } from 'hono/html';
import type { Form } from './form.ts';
import type { Html } from './html.ts';
import type { Strings } from './i18n.ts';

interface FieldOptions {
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  /** `depends`: needed only together with other answers, so core checks it and not the browser. */
  readonly required?: boolean | 'depends';
  /** Where a page has several fields of one name. */
  readonly id?: string;
}

const idOf = (name: string, id = ''): string => `field-${`${name}${id && `-${id}`}`.replaceAll(/[.:]/g, '-')}`;

const described = (form: Form, { name, hint, id }: FieldOptions): Html => {
  const own = idOf(name, id);
  const parts = [hint ? `${own}-hint` : '', form.errors.has(name) ? `${own}-error` : ''].filter(Boolean);
  return html`${parts.length > 0 && html` aria-describedby="${parts.join(' ')}"`}${form.errors.has(name) && html` aria-invalid="true"`}`;
};

const frame = (form: Form, options: FieldOptions, t: Strings, control: Html): Html => {
  const { name, label, hint, required, id } = options;
  const error = form.errors.get(name);
  const own = idOf(name, id);
  return html`<div class="field">
    <label for="${own}">${label}${required === false && html` <span class="muted">(${t.optional})</span>`}</label>
    ${control}
    ${hint && html`<p class="hint" id="${own}-hint">${hint}</p>`}
    ${error && html`<p class="error" id="${own}-error">${error}</p>`}
  </div>`;
};

export interface InputOptions extends FieldOptions {
  readonly type?: 'text' | 'email' | 'password' | 'tel' | 'search';
  readonly autocomplete?: string;
  readonly inputmode?: 'numeric' | 'decimal' | 'tel' | 'email';
  readonly maxlength?: number;
  readonly suffix?: string | undefined;
}

export const input = (form: Form, t: Strings, options: InputOptions): Html => {
  const { name, type = 'text', autocomplete, inputmode, maxlength, required = true, suffix } = options;
  // What was typed as a password never comes back in a page.
  const value = type === 'password' ? '' : (form.values.get(name) ?? '');
  const control = html`<input id="${idOf(name)}" name="${name}" type="${type}" value="${value}"${required === true && html` required`}${autocomplete && html` autocomplete="${autocomplete}"`}${inputmode && html` inputmode="${inputmode}"`}${maxlength && html` maxlength="${maxlength}"`}${described(form, options)}>`;
  return frame(
    form,
    options,
    t,
    suffix ? html`<span class="with-suffix">${control}<span>${suffix}</span></span>` : control,
  );
};

export const textarea = (
  form: Form,
  t: Strings,
  options: FieldOptions & { rows?: number; maxlength?: number },
): Html => {
  const { name, rows = 4, maxlength, required = true, id } = options;
  return frame(
    form,
    options,
    t,
    html`<textarea id="${idOf(name, id)}" name="${name}" rows="${rows}"${required === true && html` required`}${maxlength && html` maxlength="${maxlength}"`}${described(form, options)}>${form.values.get(name) ?? ''}</textarea>`,
  );
};

export interface Choice {
  readonly value: string;
  readonly text: string;
}

export const select = (
  form: Form,
  t: Strings,
  options: FieldOptions & { choices: readonly Choice[]; empty?: string },
): Html => {
  const { name, choices, empty, required = true } = options;
  const chosen = form.values.get(name) ?? '';
  return frame(
    form,
    options,
    t,
    html`<select id="${idOf(name)}" name="${name}"${required === true && html` required`}${described(form, options)}>
      ${empty !== undefined && html`<option value="">${empty}</option>`}
      ${choices.map(({ value, text }) => html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`)}
    </select>`,
  );
};

export const radios = (
  form: Form,
  options: FieldOptions & {
    choices: readonly (Choice & { detail?: Html | undefined; anchor?: string })[];
    compact?: boolean;
  },
): Html => {
  const { name, label, choices, compact } = options;
  const error = form.errors.get(name);
  const chosen = form.values.get(name) ?? '';
  return html`<fieldset class="field radios${compact && html` radios-row`}"${error && html` aria-describedby="${idOf(name)}-error"`}>
    <legend>${label}</legend>
    ${choices.map(({ value, text, detail, anchor }) => html`<label class="choice"${anchor && html` id="${anchor}"`}><input type="radio" name="${name}" value="${value}"${value === chosen && html` checked`}><span class="choice-text">${text}</span>${detail && html`<span class="choice-detail">${detail}</span>`}</label>`)}
    ${error && html`<p class="error" id="${idOf(name)}-error">${error}</p>`}
  </fieldset>`;
};

export const checkbox = (form: Form, name: string, value: string, text: string): Html =>
  html`<label class="choice choice-plain"><input type="checkbox" name="${name}" value="${value}"${form.values.getAll(name).includes(value) && html` checked`}><span class="choice-text">${text}</span></label>`;

export const formProblem = (form: Form): Html =>
  html`${form.problem !== null && html`<div class="notice notice-bad" role="alert" tabindex="-1" data-focus><p>${form.problem}</p></div>`}`;
