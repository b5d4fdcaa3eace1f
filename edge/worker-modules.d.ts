// Modules that only the Workers runtime and its bundle have.
declare module 'cloudflare:workers' {
  export function waitUntil(work: Promise<unknown>): void;
}

declare module 'lotok:assets' {
  export const assets: Readonly<Record<string, { readonly base64: string; readonly contentType: string }>>;
}
