// The calling service, by the names in its verified certificate.
import type { ServerUnaryCall } from '@grpc/grpc-js';

const namesOfSessions = new WeakMap<object, readonly string[]>();

/** Reading a certificate takes longer than all else of a call, and a connection has the same one for its whole life. */
export function peerNames(call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>): readonly string[] {
  // Not in grpc-js's types. Where a later version has it elsewhere, certificates are read for each call.
  const { stream } = (call as { readonly call?: { readonly stream?: { readonly session?: object } } }).call ?? {};
  const session = stream?.session;
  const known = session && namesOfSessions.get(session);
  if (known) return known;
  const names = serviceNames(call.getAuthContext().sslPeerCertificate?.subjectaltname);
  if (session) namesOfSessions.set(session, names);
  return names;
}

/**
 * A certificate of one service names the caller by itself. Where one certificate covers several services,
 * the caller says which it is, and may only say one that the certificate has.
 */
export function callerOf(names: readonly string[], claimed: string | undefined): string | undefined {
  if (claimed !== undefined) return names.includes(claimed) ? claimed : undefined;
  return names.length === 1 ? names[0] : undefined;
}

export function serviceNames(alternativeNames = ''): string[] {
  // Node quotes names that hold separators (CVE-2021-44532): no name of ours does, so such a certificate is not ours.
  if (alternativeNames.includes('"')) return [];
  return alternativeNames.split(', ').flatMap((name) => {
    const service = /^DNS:([a-z][a-z0-9-]*)\.lotok\.internal$/.exec(name)?.[1];
    return service === undefined ? [] : [service];
  });
}
