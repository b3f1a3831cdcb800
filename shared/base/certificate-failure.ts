/** Why the certificate of a server was refused, as Node's TLS names it. */
const untrusted = new Set([
  // By another authority of the same name.
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** How a server refuses the client's certificate or its absence (RFC 8446, §6.2). */
const clientAlert = /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_REQUIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA)/;

/** What a user does about `authority` where no option names one. */
export const trustAuthorityCure =
  'if its authority is your own, install it on this machine or set NODE_EXTRA_CA_CERTS';

/**
 * Says what kind of certificate a failed connection lacks: `authority`, nobody here trusts who
 * signed the server's; `client`, the server wants one of the client. Null for another failure.
 */
export function findCertificateFailure(error: unknown): 'authority' | 'client' | null {
  for (let one = error; one instanceof Error; one = one.cause) {
    const code = 'code' in one ? String(one.code) : '';
    if (untrusted.has(code)) return 'authority';
    if (clientAlert.test(code)) return 'client';
  }

  return null;
}
