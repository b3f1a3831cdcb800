import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { z } from 'zod';
import { GantryError } from '../error.ts';
import { Certificate } from './certificate.ts';
import { DerNode } from './der.ts';
import { shippedTrust } from './shipped-trust.ts';

// The parser of the library fills whatever is missing with defaults, so the shape is checked first: a period without its
// start would be read as one since ever.
const validFor = z.looseObject({ start: z.iso.datetime({ offset: true }) });
const log = z.looseObject({
  publicKey: z.looseObject({ rawBytes: z.string().min(1), validFor }),
  logId: z.looseObject({ keyId: z.string().min(1) }),
});
const authority = z.looseObject({
  certChain: z.looseObject({ certificates: z.array(z.looseObject({ rawBytes: z.string().min(1) })).min(1) }),
  validFor,
});
const trustedRoot = z.looseObject({
  mediaType: z.string().startsWith('application/vnd.dev.sigstore.trustedroot'),
  tlogs: z.array(log).default([]),
  certificateAuthorities: z.array(authority).default([]),
  ctlogs: z.array(log).default([]),
  timestampAuthorities: z.array(authority).default([]),
});

/**
 * Parses a Sigstore `trusted_root.json`, all certificates and keys in it included.
 * @param root parsed JSON; null means the public-good instance as shipped
 * @throws GantryError `trusted_root_invalid`
 */
export function parseTrustedRoot(root: unknown): TrustMaterial {
  const parsed = trustedRoot.safeParse(root ?? shippedTrust().trustedRoot);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`at ${issue?.path.join('.') || 'the document'}: ${issue?.message}`, parsed.error);
  }
  if (parsed.data.certificateAuthorities.length === 0 && parsed.data.tlogs.length === 0) {
    throw invalid('it names neither a certificate authority nor a transparency log');
  }
  try {
    const material = withCertificates(toTrustMaterial(TrustedRoot.fromJSON(parsed.data)));
    // Certificates are read lazily by the library; a broken one must show here and not at the first signature.
    for (const { certChain } of [...material.certificateAuthorities, ...material.timestampAuthorities]) {
      for (const certificate of certChain) void [certificate.notBefore, certificate.publicKey, certificate.subject];
    }
    return material;
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Its certificates as those that remember which of them have signed which. */
function withCertificates(material: TrustMaterial): TrustMaterial {
  const remembering = ({ certChain, validFor }: TrustMaterial['certificateAuthorities'][number]) => ({
    certChain: certChain.map((certificate) => new Certificate(DerNode.of(certificate.root))),
    validFor,
  });
  return {
    ...material,
    certificateAuthorities: material.certificateAuthorities.map(remembering),
    timestampAuthorities: material.timestampAuthorities.map(remembering),
  };
}

/** Checks a custom `trusted_root.json` at registration. @throws GantryError `trusted_root_invalid` */
export function checkTrustedRoot(root: unknown): void {
  // Null stands for the public-good root elsewhere; whoever checks one has one.
  parseTrustedRoot(root ?? {});
}

function invalid(reason: string, cause?: unknown): GantryError {
  return new GantryError('trusted_root_invalid', `expected a Sigstore trusted_root.json: ${reason}`, {
    field: 'trusted_root',
    cause,
  });
}
