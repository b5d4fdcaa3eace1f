// The map of pick-up points: who lies where.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { projection } from './points.ts';

const place = fc.record({
  latitude: fc.double({ min: 54.9, max: 55.9, noNaN: true }),
  longitude: fc.double({ min: 36.9, max: 38.3, noNaN: true }),
});

describe('the map of a city', () => {
  it('has every place on it, the north above and the east on the right', () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 30 }), (places) => {
        const { place: placed } = projection(places);
        for (const one of places) {
          const { x, y } = placed(one);
          expect(x >= 27 && x <= 613 && y >= 27 && y <= 373).toBe(true);
          for (const other of places) {
            const there = placed(other);
            if (other.latitude > one.latitude) expect(there.y).toBeLessThanOrEqual(y);
            if (other.longitude > one.longitude) expect(there.x).toBeGreaterThanOrEqual(x);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is true to scale in both directions', () => {
    const kazan = { latitude: 55.7961, longitude: 49.1064 };
    const north = { ...kazan, latitude: kazan.latitude + 0.1 };
    const { place: placed, metresPerUnit } = projection([kazan, north]);
    expect((placed(kazan).y - placed(north).y) * metresPerUnit).toBeCloseTo(11_132, -2);
    const east = { ...kazan, longitude: kazan.longitude + 0.1 };
    const wide = projection([kazan, east]);
    expect((wide.place(east).x - wide.place(kazan).x) * wide.metresPerUnit).toBeCloseTo(6_258, -2);
  });
});
