import { describe, expect, it } from 'vitest';
import { coreConfig } from '../core/platform/config.ts';
import { edgeConfig } from '../edge/config.ts';

describe.each([
  ['the edge', edgeConfig],
  ['core', (env: Record<string, string>) => coreConfig(env)],
] as const)('the configuration of %s', (_part, configOf) => {
  it('has the sandbox in development and never in production', () => {
    expect(configOf({}).sandbox).toBe(true);
    expect(configOf({ PRODUCTION: '1' }).sandbox).toBe(false);
    expect(configOf({ PRODUCTION: '0', SANDBOX: '1' }).sandbox).toBe(true);
    expect(() => configOf({ PRODUCTION: '1', SANDBOX: '1' })).toThrow('SANDBOX=1 is not for PRODUCTION=1');
  });

  it('names what is wrong', () => {
    expect(() => configOf({ PORT: 'eighty', PUBLIC_URL: 'lotok.example' })).toThrow(/port[\s\S]*publicUrl/);
  });
});

describe('the couriers', () => {
  const cdek = { CDEK_ACCOUNT: 'a', CDEK_PASSWORD: 'p', CDEK_WEBHOOK_TOKEN: 'sixteen characters' };

  it('are the sandbox’s while there is one, else those that are named, in that order', () => {
    expect(coreConfig({}).couriers).toEqual(['sandbox']);
    expect(coreConfig({ PRODUCTION: '1' }).couriers).toEqual([]);
    expect(coreConfig({ COURIERS: 'cdek, sandbox', ...cdek }).couriers).toEqual(['cdek', 'sandbox']);
    expect(coreConfig({ PRODUCTION: '1', COURIERS: 'cdek', ...cdek }).cdek).toMatchObject({
      url: 'https://api.cdek.ru',
      tariffs: { pickupPoint: 136, courier: 137 },
    });
  });

  it('that are named need what belongs to them', () => {
    expect(() => coreConfig({ COURIERS: 'cdek' })).toThrow(/COURIERS names cdek: set CDEK_ACCOUNT/);
    expect(() => coreConfig({ COURIERS: 'easypost' })).toThrow(/COURIERS names easypost: set EASYPOST_API_KEY/);
    expect(() => coreConfig({ COURIERS: 'pigeons' })).toThrow(/couriers/);
    expect(() => coreConfig({ PRODUCTION: '1', COURIERS: 'sandbox' })).toThrow(/COURIERS names sandbox/);
    expect(() => coreConfig({ ...cdek, CDEK_WEBHOOK_TOKEN: 'short' })).toThrow(/webhookToken/);
  });

  it('are told of one parcel', () => {
    const parcel = { grams: 500, lengthCm: 10, widthCm: 20, heightCm: 5 };
    expect(coreConfig({ PARCEL: '500g 10x20x5cm' }).parcel).toEqual(parcel);
    expect(() => coreConfig({ PARCEL: 'small' })).toThrow(/parcel/);
  });
});

describe('where operators look at traces', () => {
  it('is an address with a place for the trace’s id', () => {
    const traceUrl = 'https://jaeger.example/trace/{trace_id}';
    expect(edgeConfig({ TRACE_URL: traceUrl }).traceUrl).toBe(traceUrl);
    expect(edgeConfig({}).traceUrl).toBeUndefined();
    for (const wrong of ['https://jaeger.example/trace', 'javascript:alert("{trace_id}")', '{trace_id}'])
      expect(() => edgeConfig({ TRACE_URL: wrong })).toThrow(/traceUrl/);
  });
});

describe('how many processes an edge has', () => {
  it('is one in development, one for each core in production, and what is asked for', () => {
    expect(edgeConfig({}).workers).toBe(1);
    expect(edgeConfig({ PRODUCTION: '1' }).workers).toBe('auto');
    expect(edgeConfig({ PRODUCTION: '1', EDGE_WORKERS: '3' }).workers).toBe(3);
    for (const wrong of ['0', 'many', '1.5', '', '1000'])
      expect(() => edgeConfig({ EDGE_WORKERS: wrong })).toThrow(/→ at workers/);
  });
});
