import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { partitionOf } from './partition.ts';

describe('the partition of a channel', () => {
  it('is the one that producers choose', () => {
    const choose = Partitioners.DefaultPartitioner();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 1, max: 64 }), (channel, count) => {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionId,
          leader: 0,
          partitionErrorCode: 0,
          replicas: [],
          isr: [],
        }));
        const message = { key: channel, value: null };
        expect(partitionOf(channel, count)).toBe(choose({ topic: 'realtime.v1', partitionMetadata, message }));
      }),
    );
  });
});
