import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { DerNode } from './der.ts';

/**
 * The library's certificate with a cache of what never changes: its encoding, its key, and which
 * certificates signed it. The certificates of a trust root live as long as the root. So the links
 * above a leaf are verified once, not once for each signature.
 */
export class Certificate extends X509Certificate {
  readonly #signedBy = new WeakMap<X509Certificate, boolean>();
  #der: Buffer | undefined;
  #publicKey: Buffer | undefined;
  #key: KeyObject | undefined;

  /** @throws ASN1ParseError when the bytes are not strict DER */
  static fromDer(der: Uint8Array): Certificate {
    return new Certificate(DerNode.parse(der));
  }

  override get publicKey(): Buffer {
    this.#publicKey ??= super.publicKey;
    return this.#publicKey;
  }

  override verify(issuer: X509Certificate = this): boolean {
    const known = this.#signedBy.get(issuer);
    if (known !== undefined) return known;

    const signed = issuer instanceof Certificate ? this.#isSignedBy(issuer) : super.verify(issuer);
    this.#signedBy.set(issuer, signed);
    return signed;
  }

  override equals(other: X509Certificate): boolean {
    return this.#bytes().equals(other instanceof Certificate ? other.#bytes() : other.root.toDER());
  }

  /**
   * Returns a copy that the library may change: it removes the SCTs to compute what their log
   * signed.
   */
  override clone(): Certificate {
    return new Certificate(DerNode.of(this.root));
  }

  /** As in the library, but the issuer's key is read once. */
  #isSignedBy(issuer: Certificate): boolean {
    issuer.#key ??= createPublicKey({ key: issuer.publicKey, format: 'der', type: 'spki' });
    const signed = this.tbsCertificate.toDER();
    try {
      return verify(this.signatureAlgorithm, signed, issuer.#key, this.signatureValue);
    } catch {
      return false;
    }
  }

  #bytes(): Buffer {
    this.#der ??= this.root.toDER();
    return this.#der;
  }
}
