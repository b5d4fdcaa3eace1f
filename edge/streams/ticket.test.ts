import { describe, expect, it } from 'vitest';
import { createTickets } from './ticket.ts';

describe('a stream ticket', () => {
  const start = Date.UTC(2026, 10, 24);
  let now = start;
  const clock = () => now;
  const holder = { sub: '0192f0c4-0000-7000-8000-00000000000a', sid: 'session-1', until: start / 1000 + 900 };

  it('lets its holder in for a minute, at every edge that shares the secret', async () => {
    now = start;
    const { ticket, expires_in } = await createTickets({ secret: 'shared between edges', clock }).issue(holder);
    expect(expires_in).toBe(60);
    const another = createTickets({ secret: 'shared between edges', clock });
    expect(await another.verify(ticket)).toEqual({ ...holder, iat: start / 1000 });
    now = start + 61_000;
    await expect(another.verify(ticket)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('does not outlive the access token behind it', async () => {
    now = start;
    const { expires_in } = await createTickets({ clock }).issue({ ...holder, until: start / 1000 + 10 });
    expect(expires_in).toBe(10);
  });

  it('is refused when it was made elsewhere or changed', async () => {
    now = start;
    const tickets = createTickets({ secret: 'shared between edges', clock });
    const { ticket } = await tickets.issue(holder);
    const [head, , signature] = ticket.split('.');
    const body = btoa(JSON.stringify({ ...holder, sub: 'another', exp: start / 1000 + 60 })).replaceAll('=', '');
    for (const forged of [`${head}.${body}.${signature}`, `${btoa('{"alg":"none"}')}.${body}.`, '', 'x']) {
      await expect(tickets.verify(forged)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
    await expect(createTickets({ secret: 'some other secret', clock }).verify(ticket)).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });
});
