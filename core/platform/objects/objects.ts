// The object store port: clients upload to it by signed URLs. Adapters: folder.ts, s3.ts.

export interface SignedUpload {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface StoredObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

export interface ObjectStore {
  /** A URL that takes one PUT of at most `sizeBytes` with this type until `expiresAt`. */
  signUpload(key: string, options: { contentType: string; sizeBytes: number; expiresAt: Date }): Promise<SignedUpload>;
  put(key: string, object: StoredObject): Promise<void>;
  /** Null when there is no such object. */
  get(key: string): Promise<StoredObject | null>;
  delete(key: string): Promise<void>;
}

export interface SignedPut {
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly expiresAt: Date;
  readonly signature: string;
}

/** A store without a server of its own: core takes the uploads for it. */
export interface ReceivingStore extends ObjectStore {
  /** Whether `signUpload` has made this, and its time is not over. */
  verifyUpload(key: string, put: SignedPut, now: Date): boolean;
}

export const receivesUploads = (store: ObjectStore): store is ReceivingStore => 'verifyUpload' in store;
