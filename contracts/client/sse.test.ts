import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sseEvent, sseOpening, ssePing } from '../client-stream.ts';
import { sseParser } from './sse.ts';

type Told = readonly [what: string, ...rest: unknown[]];

const hear = (chunks: readonly string[]): Told[] => {
  const told: Told[] = [];
  const parse = sseParser({
    opened: (id) => told.push(['opened', id]),
    message: ({ id, event, data }) => told.push(['message', id, event, data]),
    alive: () => told.push(['alive']),
    retry: (ms) => told.push(['retry', ms]),
  });
  for (const chunk of chunks) parse(chunk);
  return told;
};

describe('the parser of server-sent events', () => {
  const text =
    sseOpening('a@b.1.2', 1500) +
    ssePing +
    sseEvent({ id: 'a@b.2.3', event: 'order.status', data: { text: 'оплачен 🎉', order_id: '1' } }) +
    sseEvent({ id: 'a@b.3.4', event: 'notification', data: {} });
  const expected = [
    ['retry', 1500],
    ['opened', 'a@b.1.2'],
    ['alive'],
    // The empty line after the ping ends a block that says nothing new.
    ['opened', 'a@b.1.2'],
    ['message', 'a@b.2.3', 'order.status', { text: 'оплачен 🎉', order_id: '1' }],
    ['message', 'a@b.3.4', 'notification', {}],
  ];

  it('hears the same however the text is cut, with each kind of line end', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const whole = text.replaceAll('\n', end);
      fc.assert(
        fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (places) => {
          const cuts = [0, ...places.toSorted((a, b) => a - b), whole.length];
          const told = hear([
            ...cuts.slice(1).map((cut, index) => whole.slice(cuts[index], cut)),
            end === '\r' ? '\n' : '',
          ]);
          expect(told).toEqual(expected);
        }),
        { numRuns: 200 },
      );
    }
  });

  it('joins lines of data, and gives up on a line without an end', () => {
    expect(hear(['id: 1\nevent: x\ndata: [1,\ndata: 2]\n\n'])).toEqual([['message', '1', 'x', [1, 2]]]);
    expect(() => hear([`data: ${'x'.repeat(2_000_000)}`])).toThrow('no end');
  });
});
