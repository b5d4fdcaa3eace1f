// The calling service, by the names in its verified certificate.
import type { PeerCertificate } from 'node:tls';

/**
 * A certificate of one service names the caller by itself. Where one certificate covers several services,
 * the caller says which it is, and may only say one that the certificate has.
 */
export function callerOf(certificate: PeerCertificate | undefined, claimed: string | undefined): string | undefined {
  const names = serviceNames(certificate?.subjectaltname);
  if (claimed !== undefined) return names.includes(claimed) ? claimed : undefined;
  return names.length === 1 ? names[0] : undefined;
}

function serviceNames(alternativeNames = ''): string[] {
  // Node quotes names that hold separators (CVE-2021-44532): no name of ours does, so such a certificate is not ours.
  if (alternativeNames.includes('"')) return [];
  return alternativeNames.split(', ').flatMap((name) => {
    const service = /^DNS:([a-z][a-z0-9-]*)\.lotok\.internal$/.exec(name)?.[1];
    return service === undefined ? [] : [service];
  });
}
