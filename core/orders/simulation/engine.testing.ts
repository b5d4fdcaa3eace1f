// The engine of a simulated world: virtual time, all that may happen next, and chance, which alone decides what does.
import type { Chance } from '../../ads/seed/random.ts';
import type { Coverage } from './coverage.testing.ts';

/** Something that must not be. */
export class Defect extends Error {
  override readonly name = 'Defect';
}

/** One life of a process, from its start to its crash. What a life has begun ends with it. */
export interface Life {
  readonly process: Process;
  over: boolean;
  /** Those who wait for an answer of it. */
  readonly asked: Gate[];
}

export class Process {
  readonly name: string;
  life: Life = { process: this, over: false, asked: [] };
  frozenUntil = 0;
  /** How far its clock is from the world's. */
  skewMs = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a process does, step by step: at each `yield` others may come between, or it may end. */
export type Routine<Result> = Generator<Gate | undefined, Result, unknown>;

/** Where a routine waits for something from outside: whatever comes first, once. */
export class Gate {
  readonly life: Life;
  resume: ((value: unknown) => void) | null = null;

  constructor(life: Life) {
    this.life = life;
  }

  open(value: unknown): void {
    const { resume } = this;
    this.resume = null;
    resume?.(value);
  }
}

/** Something that can happen. */
export interface Item {
  readonly life: Life | null;
  readonly run: () => void;
  /** Since when it could, or from when on. */
  at: number;
  delays: number;
  gone: boolean;
}

/** How likely each kind of trouble is at each step. */
export interface Weather {
  readonly crash: number;
  readonly freeze: number;
  readonly delay: number;
  /** Time goes on although there is something to do. */
  readonly hurry: number;
  readonly skew: number;
  /** Of clocks that are wrong, those that jump far ahead. */
  readonly jump: number;
}

export const fair: Weather = { crash: 0, freeze: 0, delay: 0, hurry: 0, skew: 0, jump: 0 };

/** Nothing that could happen waits longer than this while time goes on, unless it is delayed or its process frozen. */
const mostLagMs = 15_000;
const mostDelays = 2;
const longestDelayMs = 25_000;
const longestFreezeMs = 40_000;
const mostSkewMs = 4_000;
export const longestJumpMs = 20 * 60_000;

export class Engine {
  readonly chance: Chance;
  readonly coverage: Coverage;
  now: number;
  steps = 0;
  weather: Weather;
  isCalm = false;
  readonly processes: Process[] = [];
  readonly #start: number;
  readonly #tell: ((line: string) => void) | null;
  readonly #ready: Item[] = [];
  /** By time, the next one last. */
  readonly #later: Item[] = [];

  constructor(options: {
    chance: Chance;
    coverage: Coverage;
    start: number;
    weather: Weather;
    tell: ((line: string) => void) | null;
  }) {
    this.chance = options.chance;
    this.coverage = options.coverage;
    this.now = options.start;
    this.#start = options.start;
    this.weather = options.weather;
    this.#tell = options.tell;
  }

  /** Whether anybody reads the trace; what nobody reads needs no words. */
  get told(): boolean {
    return this.#tell !== null;
  }

  say(who: string, what: string): void {
    this.#tell?.(`${elapsed(this.now - this.#start)}  ${who.padEnd(11)} ${what}`);
  }

  /** Chance says whether this trouble happens, and counts it. */
  strikes(kind: string, probability: number): boolean {
    if (probability === 0 || this.chance.next() >= probability) return false;
    this.coverage.fault(kind);
    return true;
  }

  soon(life: Life | null, run: () => void): void {
    this.#ready.push({ life, run, at: this.now, delays: 0, gone: false });
  }

  at(at: number, life: Life | null, run: () => void): Item {
    const item = { life, run, at, delays: 0, gone: false };
    this.#postpone(item, at);
    return item;
  }

  /** Begins a routine in the present life of a process. */
  start<Result>(life: Life, routine: Routine<Result>, ended: (result: Result) => void = () => {}): void {
    const go = (value: unknown): void => {
      const { done, value: given } = routine.next(value);
      if (done) ended(given as Result);
      else if (given) (given as Gate).resume = go;
      else this.soon(life, () => go(undefined));
    };
    this.soon(life, () => go(undefined));
  }

  clock(process: Process): Date {
    return new Date(this.now + process.skewMs);
  }

  /** No more trouble from here on. */
  calm(): void {
    this.isCalm = true;
    this.weather = fair;
    for (const process of this.processes) {
      process.frozenUntil = 0;
      process.skewMs = 0;
    }
  }

  /** Lets one thing happen; false when nothing can, now or later. */
  step(): boolean {
    this.#wake();
    const ready = this.#ready;
    if (ready.length === 0) {
      const next = this.#next();
      if (!next) return false;
      this.now = Math.max(this.now, next.at);
      this.#wake();
    }
    this.steps += 1;
    this.now += 1 + Math.floor(this.chance.next() * 8);
    const index = Math.floor(this.chance.next() * ready.length);
    const item = ready[index] as Item;
    ready[index] = ready[ready.length - 1] as Item;
    ready.pop();
    if (item.gone || item.life?.over) return true;
    if (item.life && item.life.process.frozenUntil > this.now) {
      this.#postpone(item, item.life.process.frozenUntil);
      return true;
    }
    if (this.weather !== fair && this.#troubles(item)) return true;
    item.run();
    return true;
  }

  /** What comes between a thing and its turn; true when it does not happen now. */
  #troubles(item: Item): boolean {
    const { crash, freeze, delay, hurry, skew } = this.weather;
    const process = item.life?.process;
    const roll = this.chance.next();
    if (roll >= crash + freeze + delay + hurry + skew) return false;
    if (roll < crash + freeze) {
      if (!process) return false;
      if (roll < crash) this.#crash(process);
      else this.#freeze(process, item);
      return true;
    }
    if (roll < crash + freeze + delay) return this.#delay(item);
    if (roll < crash + freeze + delay + hurry) this.#hurry(item);
    else if (process) this.#skew(process);
    return false;
  }

  #freeze(process: Process, item: Item): void {
    this.coverage.fault('freeze');
    process.frozenUntil = this.now + this.chance.whole(500, longestFreezeMs);
    if (this.told) this.say(process.name, `freezes for ${process.frozenUntil - this.now} ms`);
    this.#postpone(item, process.frozenUntil);
  }

  #delay(item: Item): boolean {
    if (item.delays === mostDelays) return false;
    this.coverage.fault('delay');
    item.delays += 1;
    this.#postpone(item, this.now + this.chance.whole(10, longestDelayMs));
    return true;
  }

  #skew(process: Process): void {
    const far = this.strikes('clock far ahead', this.weather.jump);
    if (!far) this.coverage.fault('clock');
    process.skewMs = this.chance.whole(-mostSkewMs, far ? longestJumpMs : mostSkewMs);
    if (this.told) this.say(process.name, `its clock is ${process.skewMs} ms off`);
  }

  #hurry(turn: Item): void {
    const next = this.#next();
    if (!next || next.at <= this.now || next.at - turn.at > mostLagMs) return;
    if (this.#ready.some(({ at, gone }) => !gone && next.at - at > mostLagMs)) return;
    this.coverage.fault('hurry');
    this.now = next.at;
  }

  #crash(process: Process): void {
    this.coverage.fault('crash');
    if (this.told) this.say(process.name, 'crashes');
    const { life } = process;
    life.over = true;
    process.life = { process, over: false, asked: [] };
    process.frozenUntil = 0;
    // Whoever waited for it learns of that now, or when its own time is up.
    for (const gate of life.asked) {
      if (this.chance.next() < 0.5) this.soon(gate.life, () => gate.open(null));
    }
  }

  #postpone(item: Item, at: number): void {
    item.at = at;
    const later = this.#later;
    let index = later.length;
    while (index > 0 && (later[index - 1] as Item).at <= at) index -= 1;
    later.splice(index, 0, item);
  }

  #next(): Item | undefined {
    const later = this.#later;
    while (later.length > 0 && (later.at(-1)?.gone || later.at(-1)?.life?.over)) later.pop();
    return later.at(-1);
  }

  #wake(): void {
    for (let next = this.#next(); next && next.at <= this.now; next = this.#next()) {
      this.#later.pop();
      this.#ready.push(next);
    }
  }
}

/** At once, or at any scale up to the longest: moments and hours alike. */
export function spread(chance: Chance, longestMs: number): number {
  return chance.next() < 0.3 ? 0 : Math.round(10 * (longestMs / 10) ** chance.next());
}

/** Rings once, when its time has come; another time replaces the first. */
export class Alarm {
  readonly #engine: Engine;
  readonly #ring: () => void;
  #at: number | null = null;
  #item: Item | null = null;

  constructor(engine: Engine, ring: () => void) {
    this.#engine = engine;
    this.#ring = ring;
  }

  set(at: number | null): void {
    if (this.#at === at) return;
    if (this.#item) this.#item.gone = true;
    this.#at = at;
    this.#item = at === null ? null : this.#engine.at(at, null, () => this.#rings());
  }

  #rings(): void {
    this.#at = null;
    this.#item = null;
    this.#ring();
  }
}

function elapsed(ms: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const clock = `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)}`;
  return `${clock}.${String(ms % 1_000).padStart(3, '0')}`;
}
