// What an invariant is: a sentence that holds in all books at once, and the query that finds what breaks it.
import type { RawBuilder } from 'kysely';

/** What some invariants read beside the services' own schemas; where it is elsewhere, they can't be checked. */
export type Book = 'sandbox_psp' | 'sandbox_courier' | 'mailbox' | 'watched';

export interface Moment {
  /** Now, as the books know it. */
  readonly at: Date;
  /** What changed before this has had the time to reach everybody. While nothing moves any more that is all there is. */
  readonly calmBefore: Date;
  /** What was due before this is overdue. */
  readonly overdueBefore: Date;
}

export interface Invariant {
  /** Stable: scripts and people refer to it. */
  readonly name: string;
  /** As a user would say it. */
  readonly says: string;
  readonly why: string;
  readonly needs?: Book;
  /**
   * Each row is one violation: the ids it is about, then `expected` and `found` as texts. It may read every schema and
   * the tables that evidence.ts fills.
   */
  readonly violations: (moment: Moment) => RawBuilder<unknown>;
}
