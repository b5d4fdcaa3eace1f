// The page of mail templates.
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { notificationKinds } from '../../../contracts/notifications.ts';
import { kindRules } from '../kinds.ts';
import { templatePages } from './templates-page.ts';

const app = new Hono();
templatePages(app);
const read = async (path: string) => {
  const response = await app.request(path);
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('the page of templates', () => {
  it.each(['ru', 'en'])(
    'has every kind of mail and the one of many in %s, with all that a mail tells',
    async (language) => {
      const { text, headers } = await read(`/sandbox/templates?lang=${language}`);
      const mailed = notificationKinds.filter((kind) => kindRules[kind].mail);
      for (const name of [...mailed, 'digest']) {
        expect(text).toContain(`<article id="${name}">`);
        const mail = await read(`/sandbox/templates/${language}/${name}`);
        expect(mail.text).toContain(`<html lang="${language}">`);
        expect(mail.text).toContain('Велосипед «Аист»');
        expect(mail.text).toContain('01900000-0000-7000-8000-000000000000');
        expect(mail.headers.get('content-security-policy')).toMatch(
          /sandbox.*default-src 'none'.*frame-ancestors 'self'/,
        );
      }
      expect(text).not.toMatch(/undefined|\[object/);
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
    },
  );

  it('has nothing else', async () => {
    for (const path of ['de/order_paid', 'ru/order_created', 'ru/nonsense', 'ru/toString']) {
      expect((await read(`/sandbox/templates/${path}`)).status).toBe(404);
    }
  });
});
