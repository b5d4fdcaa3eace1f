// Which names were invalidated while a request was on its way upstream.

/**
 * An answer fetched before an invalidation may show the state before the change, although it arrives
 * after it. So each fetch notes where in the sequence of invalidations it began, and what it brought
 * is dropped when one of its names was invalidated since.
 */
export class Invalidations {
  #sequence = 0;
  #everything = 0;
  readonly #latest = new Map<string, number>();
  readonly #underWay = new Map<number, number>();
  readonly #remembersAlways: boolean;

  /** `remembersAlways`: also while nothing is on its way, for what a second level holds. */
  constructor({ remembersAlways = false } = {}) {
    this.#remembersAlways = remembersAlways;
  }

  /** The present place; compare with `since`. */
  get now(): number {
    return this.#sequence;
  }

  begin(): number {
    this.#underWay.set(this.#sequence, (this.#underWay.get(this.#sequence) ?? 0) + 1);
    return this.#sequence;
  }

  end(begun: number): void {
    const left = (this.#underWay.get(begun) ?? 0) - 1;
    if (left > 0) this.#underWay.set(begun, left);
    else this.#underWay.delete(begun);
    if (this.#underWay.size === 0 && !this.#remembersAlways) this.#latest.clear();
  }

  add(names: Iterable<string>): void {
    this.#sequence += 1;
    if (this.#underWay.size === 0 && !this.#remembersAlways) return;
    for (const name of names) this.#latest.set(name, this.#sequence);
    // Bounded: rather doubt every answer from before than remember without end.
    if (this.#latest.size > maxRemembered) this.addAll();
  }

  addAll(): void {
    this.#sequence += 1;
    this.#everything = this.#sequence;
    this.#latest.clear();
  }

  /** True when one of the names was invalidated after the place `begun`. */
  since(begun: number, names: Iterable<string>): boolean {
    if (this.#everything > begun) return true;
    for (const name of names) if ((this.#latest.get(name) ?? 0) > begun) return true;
    return false;
  }
}

const maxRemembered = 20_000;

// Keys and groups share one sequence, and names that can't be mixed up.
export const keyName = (key: string): string => `key ${key}`;
export const groupName = (group: string): string => `group ${group}`;
