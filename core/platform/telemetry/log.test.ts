import { describe, expect, it } from 'vitest';
import { createLogger, type LogLevel } from './log.ts';
import { redactText } from './redact.ts';
import { inSpan, startTracing } from './tracing.ts';

function logged(level: LogLevel = 'info') {
  const lines: string[] = [];
  const log = createLogger({ service: 'orders', level, destination: { write: (line) => lines.push(line) } });
  return { log, lines, last: (): unknown => JSON.parse(lines.at(-1) ?? 'null') };
}

describe('the log', () => {
  it('writes one line of JSON per event', () => {
    const { log, lines, last } = logged();
    log.child({ service: 'payments', order_id: 'o1' }).info('payment.captured', { amount: 100 });
    expect(lines).toHaveLength(1);
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      event: 'payment.captured',
      service: 'payments',
      order_id: 'o1',
      amount: 100,
    });
    // A name twice in one object is nobody's JSON.
    expect(lines[0]?.match(/"service"/g)).toHaveLength(1);
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = logged('warn');
    log.info('order.created');
    log.warn('order.late');
    expect(lines).toHaveLength(1);
  });

  it('carries the trace that it is in', async () => {
    await using _tracing = startTracing({ service: 'test' });
    const { log, last } = logged();
    await inSpan('a purchase', {}, async (span) => {
      await Promise.resolve();
      log.info('order.created');
      expect(last()).toMatchObject({ trace_id: span.spanContext().traceId, span_id: span.spanContext().spanId });
    });
    log.info('order.created');
    expect(last()).not.toHaveProperty('trace_id');
  });

  it('keeps secrets and personal data out, wherever they sit', () => {
    const { log, lines } = logged();
    log.info('request', {
      headers: { Authorization: 'Bearer abc', cookie: 'sid=1', 'set-cookie': 'sid=1' },
      user: {
        email: 'buyer@demo.lotok',
        phone: '+79990000000',
        password: 'demo',
        refresh_token: 'r1',
        passwordHash: 'h',
      },
      list: [{ api_key: 'k1' }],
      text: 'mail to seller@demo.lotok by postgres://lotok:s3cret@db/lotok failed',
      error: new Error('no user seller@demo.lotok', {
        cause: new Error('token eyJhbGciOi.eyJzdWIi.c2ln is old'),
      }),
    });
    for (const secret of ['abc', 'sid=1', 'demo', '+7999', 'r1"', '"h"', 'k1', 's3cret', 'eyJ']) {
      expect(lines[0]).not.toContain(secret);
    }
    expect(lines[0]).toContain('@db/lotok failed');
    expect(lines[0]).toContain('no user [email]');
  });

  it('keeps the keys of payment providers out of foreign messages', () => {
    for (const key of ['sk_live_51Hx', 'sk_test_****1234', 'rk_live_51Hx', 'whsec_51Hx'])
      expect(redactText(`Invalid API Key provided: ${key}.`)).toBe('Invalid API Key provided: [key].');
  });

  it('tells errors with their causes, and survives what points to itself', () => {
    const { log, last } = logged();
    const error = Object.assign(new Error('outer', { cause: new TypeError('inner') }), {
      code: 'ECONNRESET',
      request: 'x',
    });
    log.error('order.failed', { error });
    expect(last()).toMatchObject({
      error: { name: 'Error', message: 'outer', code: 'ECONNRESET', cause: { name: 'TypeError', message: 'inner' } },
    });
    expect(last()).not.toHaveProperty('error.request');
    const loop: Record<string, unknown> = { big: 1n };
    loop['self'] = loop;
    log.info('order.looped', { loop });
    expect(last()).toMatchObject({ loop: { big: '1' } });
  });
});
