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
}

const idOf = (name: string): string => `field-${name.replaceAll('.', '-')}`;

const described = (form: Form, { name, hint }: FieldOptions): Html => {
  const parts = [hint ? `${idOf(name)}-hint` : '', form.errors.has(name) ? `${idOf(name)}-error` : ''].filter(Boolean);
  return html`${parts.length > 0 && html` aria-describedby="${parts.join(' ')}"`}${form.errors.has(name) && html` aria-invalid="true"`}`;
};

const frame = (form: Form, options: FieldOptions, t: Strings, control: Html): Html => {
  const { name, label, hint, required } = options;
  const error = form.errors.get(name);
  return html`<div class="field">
    <label for="${idOf(name)}">${label}${required === false && html` <span class="muted">(${t.optional})</span>`}</label>
    ${control}
    ${hint && html`<p class="hint" id="${idOf(name)}-hint">${hint}</p>`}
    ${error && html`<p class="error" id="${idOf(name)}-error">${error}</p>`}
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
  const { name, rows = 4, maxlength, required = true } = options;
  return frame(
    form,
    options,
    t,
    html`<textarea id="${idOf(name)}" name="${name}" rows="${rows}"${required === true && html` required`}${maxlength && html` maxlength="${maxlength}"`}${described(form, options)}>${form.values.get(name) ?? ''}</textarea>`,
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
  options: FieldOptions & { choices: readonly (Choice & { detail?: Html | undefined })[]; compact?: boolean },
): Html => {
  const { name, label, choices, compact } = options;
  const error = form.errors.get(name);
  const chosen = form.values.get(name) ?? '';
  return html`<fieldset class="field radios${compact && html` radios-row`}"${error && html` aria-describedby="${idOf(name)}-error"`}>
    <legend>${label}</legend>
    ${choices.map(({ value, text, detail }) => html`<label class="choice"><input type="radio" name="${name}" value="${value}"${value === chosen && html` checked`}><span class="choice-text">${text}</span>${detail && html`<span class="choice-detail">${detail}</span>`}</label>`)}
    ${error && html`<p class="error" id="${idOf(name)}-error">${error}</p>`}
  </fieldset>`;
};

export const checkbox = (form: Form, name: string, value: string, text: string): Html =>
  html`<label class="choice choice-plain"><input type="checkbox" name="${name}" value="${value}"${form.values.getAll(name).includes(value) && html` checked`}><span class="choice-text">${text}</span></label>`;

export const formProblem = (form: Form): Html =>
  html`${form.problem !== null && html`<div class="notice notice-bad" role="alert" tabindex="-1" data-focus><p>${form.problem}</p></div>`}`;
