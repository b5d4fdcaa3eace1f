// The pick-up points of a checkout: a map without anybody's tiles, and the same points as a list to choose from.
import { html } from 'hono/html';
import type { City } from '../../../contracts/ads.ts';
import type { PickupPoint } from '../../../contracts/delivery.ts';
import { radios } from '../fields.ts';
import type { Form } from '../form.ts';
import type { Html } from '../html.ts';
import type { Visit } from '../visit.ts';

export interface PointsPage {
  readonly items: readonly PickupPoint[];
  /** The address of a page with those that are farther away. */
  readonly more: string | null;
}

export const pointsToChoose = (visit: Visit, page: PointsPage, city: City | undefined, form: Form): Html => {
  const { t, format } = visit;
  const { items, more } = page;
  if (items.length === 0) return html`<p class="muted">${t.checkout.noPoints}</p>`;
  return html`
    ${city && map(visit, items, city)}
    ${radios(form, {
      name: 'pickup_point',
      label: t.checkout.point,
      choices: items.map(({ id, name, address, hours, distance_m }, index) => ({
        value: id,
        anchor: anchorOf(id),
        text: `${index + 1}. ${name}`,
        detail: html`${address}<br>${hours && html`${hours}<br>`}${t.checkout.fromCentre(format.distance(distance_m))}`,
      })),
    })}
    ${more !== null && html`<p><a class="button button-quiet" href="${more}">${t.checkout.morePoints}</a></p>`}`;
};

const anchorOf = (id: string): string => `point-${id}`;

const width = 640;
const height = 400;
const margin = 28;
const metresPerDegree = 111_320;

interface Placed {
  readonly x: number;
  readonly y: number;
}

/** How places of one city lie on a picture: so near each other, a degree is as long everywhere. */
export function projection(places: readonly { latitude: number; longitude: number }[]): {
  readonly place: (at: { latitude: number; longitude: number }) => Placed;
  readonly metresPerUnit: number;
} {
  const latitudes = places.map(({ latitude }) => latitude);
  const longitudes = places.map(({ longitude }) => longitude);
  const middle = { latitude: middleOf(latitudes), longitude: middleOf(longitudes) };
  const shrink = Math.cos((middle.latitude * Math.PI) / 180);
  const metres = ({ latitude, longitude }: { latitude: number; longitude: number }) => ({
    east: (longitude - middle.longitude) * metresPerDegree * shrink,
    north: (latitude - middle.latitude) * metresPerDegree,
  });
  const all = places.map(metres);
  const reach = (values: readonly number[]): number => Math.max(1, ...values.map(Math.abs));
  const metresPerUnit = Math.max(
    // One house is not as large as a city.
    1,
    reach(all.map(({ east }) => east)) / (width / 2 - margin),
    reach(all.map(({ north }) => north)) / (height / 2 - margin),
  );
  return {
    metresPerUnit,
    place: (at) => {
      const { east, north } = metres(at);
      return { x: tenth(width / 2 + east / metresPerUnit), y: tenth(height / 2 - north / metresPerUnit) };
    },
  };
}

const middleOf = (values: readonly number[]): number => (Math.min(...values) + Math.max(...values)) / 2;
const tenth = (value: number): number => Math.round(value * 10) / 10;

/** Each number leads to its point in the list; the page's script chooses it there, too. */
function map({ t, format }: Visit, points: readonly PickupPoint[], city: City): Html {
  const { place, metresPerUnit } = projection([...points, city]);
  const centre = place(city);
  const bar = roundLength(metresPerUnit * 120);
  const from = { x: margin, y: height - 16 };
  const barWidth = tenth(bar / metresPerUnit);
  return html`<svg class="map" viewBox="0 0 ${width} ${height}" role="group" aria-label="${t.checkout.map.label}">
    <rect class="map-ground" width="${width}" height="${height}" rx="8"/>
    <g class="map-centre"><path d="M${centre.x - 6} ${centre.y}h12M${centre.x} ${centre.y - 6}v12"/><text x="${centre.x + 9}" y="${centre.y - 7}">${t.checkout.map.centre}</text></g>
    ${points.map((point, index) => {
      const { x, y } = place(point);
      return html`<a href="#${anchorOf(point.id)}" data-point="${point.id}" aria-label="${index + 1}. ${point.name}"><circle class="map-reach" cx="${x}" cy="${y}" r="18"/><circle class="map-point" cx="${x}" cy="${y}" r="11"/><text class="map-number" x="${x}" y="${y + 4}">${index + 1}</text></a>`;
    })}
    <g class="map-scale"><path d="M${from.x} ${from.y - 5}v5h${barWidth}v-5"/><text x="${from.x + barWidth + 8}" y="${from.y + 1}">${format.distance(bar)}</text></g>
  </svg>`;
}

/** 1, 2 or 5 with zeros: the largest that is no longer. */
function roundLength(metres: number): number {
  const power = 10 ** Math.floor(Math.log10(metres));
  return ([5, 2, 1].find((each) => each * power <= metres) ?? 1) * power;
}
