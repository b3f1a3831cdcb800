import type { X509Certificate } from 'node:crypto';
import type { ASN1Obj } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import {
  type ClaimName,
  claimOids,
  type FoundSignature,
  type SignerClaims,
} from '../domain/signatures/index.ts';
import { refuse } from './refusal.ts';

type SignatureFormat = FoundSignature['format'];
type Certificate = Extract<SignedEntity['key'], { $case: 'certificate' }>['certificate'];

/** The signer according to a certificate. */
export interface Signer {
  /**
   * The subject alternative names that cosign compares: the URL of a workflow, an e-mail address, a
   * host, or a user name. Empty when one cannot be read.
   */
  names: string[];
  /** The OIDC issuer that vouched for the identity. */
  issuer: string | null;
  /** What the certificate says about the workflow that signed. */
  claims: SignerClaims;
}

// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
const fulcioExtension = /^1\.3\.6\.1\.4\.1\.57264\.1\.(\d+)$/;
const issuerOid = 8;
const olderIssuerOid = 1;
const userNameOid = '1.3.6.1.4.1.57264.1.7';
/** Extensions up to this number hold bare text, later ones DER. */
const lastBareOid = 6;
const subjectAltNameOid = '2.5.29.17';
const codeSigningOid = '1.3.6.1.5.5.7.3.3';

// The tags of the kinds of GeneralName that Fulcio issues (RFC 5280, §4.2.1.6).
const otherName = 0;
const rfc822Name = 1;
const dNSName = 2;
const uniformResourceIdentifier = 6;

/**
 * Reads the signer from Fulcio's extensions. A value is null when it is missing or not plain text.
 * The library decodes names by dropping the high bit, so one name could pass for another.
 * @param format of the signature, because cosign compares other names for each
 */
export function readSigner(certificate: Certificate, format: SignatureFormat): Signer {
  try {
    const texts = readFulcioTexts(certificate);
    const claims: SignerClaims = {};

    for (const [name, oid] of Object.entries(claimOids)) {
      const text = texts.get(oid);
      if (typeof text === 'string') claims[name as ClaimName] = text;
    }

    // If the newer extension cannot be read, the older one does not count either.
    const issuer = texts.has(issuerOid) ? texts.get(issuerOid) : texts.get(olderIssuerOid);
    return { names: readNames(certificate, format), issuer: issuer ?? null, claims };
  } catch {
    return { names: [], issuer: null, claims: {} };
  }
}

/**
 * Reads the texts of Fulcio's extensions by the last number of their OIDs. A text is null when it
 * is not text, or when the certificate has the extension twice.
 */
function readFulcioTexts(certificate: Certificate): Map<number, string | null> {
  const texts = new Map<number, string | null>();
  for (const { subs } of certificate.extensions) {
    const last = fulcioExtension.exec(subs[0]?.toOID() ?? '')?.[1];
    if (last === undefined) continue;

    const number = Number(last);
    const octets = subs.at(-1);
    const value = number <= lastBareOid ? octets?.value : octets?.subs[0]?.value;

    texts.set(number, value === undefined || texts.has(number) ? null : decodeUtf8(value));
  }

  return texts;
}

/**
 * Requires a leaf certificate for code signing, as cosign does: a trusted authority also issues
 * other certificates.
 */
export function checkLeaf(certificate: X509Certificate): void {
  if (certificate.ca)
    refuse('certificate_invalid', 'expected a leaf certificate, found a CA certificate');
  if (!(certificate.keyUsage ?? []).includes(codeSigningOid)) {
    refuse(
      'certificate_invalid',
      'expected a certificate for code signing, found one for another use',
    );
  }
}

/**
 * Reads the names as cosign does. Any name of a legacy signature may match; a bundle has one, its
 * first URL, else its first mailbox, else its user name. Kinds of names that Fulcio does not issue
 * are no identities.
 */
function readNames(certificate: Certificate, format: SignatureFormat): string[] {
  const all = certificate.extension(subjectAltNameOid)?.valueObj.subs[0]?.subs ?? [];
  const texts = (tag: number) =>
    all.filter((name) => name.tag.isContextSpecific(tag)).map(({ value }) => decodeAscii(value));

  const [hosts, mailboxes, urls] = [dNSName, rfc822Name, uniformResourceIdentifier].map(texts);
  const users = readUserNames(all.filter((name) => name.tag.isContextSpecific(otherName)));

  const read = [hosts, mailboxes, urls, users].flatMap((names) => names ?? []);
  if (read.includes(null)) return [];

  const compared =
    format === 'legacy'
      ? read
      : [urls, mailboxes, users].flatMap((names) => names ?? []).slice(0, 1);
  return compared.filter((name) => name !== null && name !== '') as string[];
}

/** Several user names, or other names of another kind, are none: cosign reads exactly one. */
function readUserNames(names: readonly ASN1Obj[]): (string | null)[] {
  const [name] = names;
  if (name === undefined || names.length !== 1 || name.subs[0]?.toOID() !== userNameOid) return [];

  const value = name.subs[1]?.subs[0]?.value;
  return [value === undefined ? null : decodeUtf8(value)];
}

function decodeAscii(bytes: Uint8Array): string | null {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
    ? Buffer.from(bytes).toString('latin1')
    : null;
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return [...text].some((char) => char < ' ') ? null : text;
  } catch {
    return null;
  }
}
