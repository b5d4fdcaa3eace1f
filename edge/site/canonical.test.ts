import { describe, expect, it } from 'vitest';
import { canonicalAddress } from './canonical.ts';
import { createWorld } from './world.testing.ts';

describe('a page on one’s own machine', () => {
  const home = 'http://127.0.0.1:8080';
  const at = (url: string, publicUrl: string | undefined, method = 'GET') =>
    canonicalAddress(new Request(url, { method }), new URL(url).origin, publicUrl);

  it('has one address, the one that payments return to', async () => {
    const { visitor, deps } = createWorld({ publicUrl: home });
    expect(deps.config.publicUrl).toBe(home);
    const response = await visitor({ origin: 'http://localhost:8080' }).get('/orders/1?from=mail');
    expect([response.status, response.headers.get('location')]).toEqual([307, `${home}/orders/1?from=mail`]);
    expect((await visitor({ origin: home }).get('/')).status).toBe(200);
  });

  it.each([
    ['through a tunnel', 'http://localhost:9000/', home],
    ['by the machine’s name', 'http://laptop:8080/', home],
    ['where the public address is another', 'http://localhost:8080/', 'https://lotok.example'],
    ['where none is set', 'http://localhost:8080/', undefined],
    ['over TLS', 'https://localhost:8080/', home],
  ])('stays where it is %s', (_what, url, publicUrl) => {
    expect(at(url, publicUrl)).toBeNull();
  });

  it('takes forms where they are', () => {
    expect(at('http://localhost:8080/sign-in', home, 'POST')).toBeNull();
  });

  it('sends nobody to another host, however the path looks', () => {
    expect(new URL(at('http://localhost:8080//evil.example/', home) ?? '').host).toBe('127.0.0.1:8080');
  });
});
