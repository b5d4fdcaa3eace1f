// The second level: larger and slower than memory, shared or lasting where the runtime has such a place.
//
// Invariant: an answer from it is sent without asking upstream only when this very cache fetched it (its epoch is ours) and
// has heard of no invalidation of its key or of one of its groups since that fetch began. Whatever else lies there, from
// before a restart or from another process, comes out invalid, and is asked about with its validators first: so nothing
// that was purged while nobody listened comes back.
import { groupName, type Invalidations, keyName } from './invalidations.ts';
import { type ReadRecord, readRecord, writeRecord } from './record.ts';
import type { StoredResponse } from './store.ts';
import type { Prepare } from './stored-response.ts';

/** Bytes by name, bounded by whoever keeps them. Names are 64 hexadecimal digits. */
export interface RecordStore {
  get(name: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Whole or not at all. */
  put(name: string, record: Uint8Array<ArrayBuffer>): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface SecondLevelOptions {
  readonly records: RecordStore;
  readonly invalidations: Invalidations;
  readonly prepare: Prepare;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly onError: (error: unknown) => void;
}

/** Rather than wait for a slow second level, ask upstream. */
const patienceMs = 200;
/** A burst of new answers must not queue up without end; what is not written is only not there. */
const maxWritingBytes = 16 * 1024 * 1024;

export class SecondLevel {
  readonly #options: SecondLevelOptions;
  readonly #epoch = crypto.randomUUID();
  #writingBytes = 0;

  constructor(options: SecondLevelOptions) {
    this.#options = options;
  }

  async read(key: string): Promise<ReadRecord | null> {
    const { records, prepare, onError } = this.#options;
    try {
      const name = await nameOf(key);
      const record = await inTime(records.get(name));
      if (!record) return null;
      const read = await readRecord(record, key, prepare);
      if (!read) await records.delete(name);
      return read;
    } catch (error) {
      onError(error);
      return null;
    }
  }

  /** Ask in the very step that puts it into memory: in a wait between, news could pass by unheard. */
  vouchesFor({ stored: { key, groups }, fetched }: ReadRecord): boolean {
    if (fetched.epoch !== this.#epoch) return false;
    return !this.#options.invalidations.since(fetched.begun, [keyName(key), ...groups.map(groupName)]);
  }

  /** `begun`: the place in the sequence of invalidations where its fetch began. */
  write(stored: StoredResponse, begun: number): void {
    const { records, waitUntil, onError } = this.#options;
    const bytes = stored.body.byteLength;
    // A part would stand in the way of the whole, for which there is one place.
    if (stored.part || this.#writingBytes + bytes > maxWritingBytes) return;
    this.#writingBytes += bytes;
    waitUntil(
      Promise.all([nameOf(stored.key), writeRecord(stored, { epoch: this.#epoch, begun })])
        .then(([name, record]) => records.put(name, record))
        .catch(onError)
        .finally(() => {
          this.#writingBytes -= bytes;
        }),
    );
  }
}

/** Keys are of any length and of any characters; a digest can't be made to meet another's. */
async function nameOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function inTime<Result>(work: Promise<Result>): Promise<Result | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, patienceMs, null);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
