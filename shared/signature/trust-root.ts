import { X509Certificate as NodeCertificate } from 'node:crypto';
import type { X509Certificate } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { Certificate } from './certificate.ts';
import { DerNode } from './der.ts';
import { shippedTrust } from './shipped-trust.ts';

// The library's parser fills missing fields with defaults, so the shape is checked first: a period
// without a start would have no lower bound.
const validFor = z.looseObject({ start: z.iso.datetime({ offset: true }) });
const log = z.looseObject({
  publicKey: z.looseObject({ rawBytes: z.string().min(1), validFor }),
  logId: z.looseObject({ keyId: z.string().min(1) }),
});
const authority = z.looseObject({
  certChain: z.looseObject({
    certificates: z.array(z.looseObject({ rawBytes: z.string().min(1) })).min(1),
  }),
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
 * Parses a Sigstore `trusted_root.json` with all of its certificates and keys.
 * @param root parsed JSON; null means the public-good trust root that the library ships
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
    const material = cacheCertificates(toTrustMaterial(TrustedRoot.fromJSON(parsed.data)));
    // The library reads certificates lazily. A malformed one must fail here, not at the first
    // signature.
    for (const { certChain } of [
      ...material.certificateAuthorities,
      ...material.timestampAuthorities,
    ]) {
      for (const certificate of certChain)
        void [certificate.notBefore, certificate.publicKey, certificate.subject];
    }

    return material;
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Replaces the certificates with ones that cache which certificates signed them. */
function cacheCertificates(material: TrustMaterial): TrustMaterial {
  const toCaching = ({ certChain, validFor }: TrustMaterial['certificateAuthorities'][number]) => ({
    certChain: certChain.map((certificate) => new Certificate(DerNode.of(certificate.root))),
    validFor,
  });
  return {
    ...material,
    certificateAuthorities: material.certificateAuthorities.map(toCaching),
    timestampAuthorities: material.timestampAuthorities.map(toCaching),
  };
}

/**
 * Checks a custom `trusted_root.json` at registration: it must be valid and hold everything that
 * the policy needs to verify signatures. The error lists all missing parts, and why each is needed.
 * @throws GantryError `trusted_root_invalid`
 */
export function checkTrustedRoot(
  root: unknown,
  demands: { keyless: boolean; require_tlog: boolean },
): void {
  const bytes = Buffer.byteLength(JSON.stringify(root));
  if (bytes > limits.trustedRootBytesMax) {
    throw invalid(`at most ${limits.trustedRootBytesMax} bytes of JSON, found ${bytes}`);
  }

  // Elsewhere null means the public-good trust root. Here it is an error, because a custom root is
  // expected.
  const material = parseTrustedRoot(root ?? {});
  checkChains(material);
  const { keyless, require_tlog } = demands;

  const wanted = [
    {
      part: 'certificateAuthorities',
      for: keyless,
      why: 'keyless signatures are verified by the authority of their certificate',
    },
    {
      part: 'ctlogs',
      for: keyless,
      why: 'the certificate of a keyless signature must hold a proof (SCT) of a certificate log',
    },
    {
      part: 'tlogs',
      for: require_tlog,
      why: 'require_tlog demands a verified transparency log entry',
    },
    {
      part: 'timestampAuthorities',
      for: keyless && !require_tlog,
      why: 'without require_tlog a keyless signature gets its time from a signed timestamp',
    },
  ] as const;

  const missing = wanted.filter((one) => one.for && material[one.part].length === 0);
  if (missing.length === 0) return;

  throw new GantryError(
    'trusted_root_invalid',
    `expected a trusted_root with everything that the policy needs, found ${missing.map(({ part, why }) => `no ${part} (${why})`).join(', ')}`,
    {
      field: 'trusted_root',
      expected: wanted.filter((one) => one.for).map(({ part }) => part),
      found: missing.map(({ part }) => part),
    },
  );
}

/**
 * Requires each chain to hold its self-signed root. The library builds paths up to one, so a chain
 * without it would be registered and then refuse every signature.
 */
function checkChains(material: TrustMaterial): void {
  for (const part of ['certificateAuthorities', 'timestampAuthorities'] as const) {
    for (const [at, { certChain }] of material[part].entries()) {
      const open = certChain.find((one) => !certChain.some((above) => isIssuer(above, one)));
      if (open === undefined) continue;

      const name = readIssuerName(open);
      throw invalid(
        `at ${part}.${at}.certChain: expected all certificates up to a self-signed root, found none of the issuer ${name}; add its certificate at the end of the chain`,
      );
    }
  }
}

function isIssuer(above: X509Certificate, below: X509Certificate): boolean {
  return above.subject.equals(below.issuer) && below.verify(above);
}

function readIssuerName(certificate: X509Certificate): string {
  const { issuer } = new NodeCertificate(certificate.root.toDER());
  return JSON.stringify(issuer.replaceAll('\n', ', ').slice(0, 200));
}

function invalid(reason: string, cause?: unknown): GantryError {
  return new GantryError(
    'trusted_root_invalid',
    `expected a Sigstore trusted_root.json: ${reason}`,
    {
      field: 'trusted_root',
      cause,
    },
  );
}
