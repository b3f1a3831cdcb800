import { createHash, type KeyObject } from 'node:crypto';
import type { SignedEntity } from '@sigstore/verify';
import { verifyBytes, verifyDigest } from './keys.ts';
import type { Artifact } from './material.ts';

type SignatureContent = SignedEntity['signature'];

/**
 * The signed bytes and the signature over them. The library's own class uses OpenSSL's default
 * hash, which is wrong for P-384. It also assumes SHA-256 for the hash of the signed bytes in log
 * entries.
 */
export class SignedBytes implements SignatureContent {
  readonly signature: Buffer;
  readonly #signed: Buffer;
  readonly #payload: Buffer;
  #verified: { key: KeyObject; verified: boolean } | undefined;

  /**
   * @param payload what a `dsse` entry of Rekor v1 hashes: the payload of the envelope, not its
   * encoding for signing
   */
  constructor(signature: Buffer, signed: Buffer, payload: Buffer = signed) {
    this.signature = signature;
    this.#signed = signed;
    this.#payload = payload;
  }

  compareSignature(signature: Buffer): boolean {
    return this.signature.equals(signature);
  }

  compareDigest(digest: Buffer): boolean {
    return createHash('sha256').update(this.#payload).digest().equals(digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    return hashOfLength(digest.length, this.#signed)?.equals(digest) ?? false;
  }

  /** Keeps the last result, because the library asks several times with the same key. */
  verifySignature(key: KeyObject): boolean {
    if (!this.#verified?.key.equals(key)) {
      this.#verified = { key, verified: verifyBytes(key, this.#signed, this.signature) };
    }
    return this.#verified.verified;
  }
}

/**
 * A signature over the bytes of an artifact. The caller may know only the SHA-256 digest of these
 * bytes.
 */
export class SignedMessage implements SignatureContent {
  readonly signature: Buffer;
  readonly #sha256: Buffer;
  readonly #bytes: Uint8Array | undefined;

  constructor(signature: Buffer, { digest, bytes }: Artifact) {
    this.signature = signature;
    this.#sha256 = Buffer.from(digest.replace(/^sha256:/, ''), 'hex');
    this.#bytes = bytes;
  }

  compareSignature(signature: Buffer): boolean {
    return this.signature.equals(signature);
  }

  compareDigest(digest: Buffer): boolean {
    return this.compareSignedDigest(digest);
  }

  compareSignedDigest(digest: Buffer): boolean {
    if (this.#sha256.equals(digest)) return true;
    return (
      this.#bytes !== undefined &&
      (hashOfLength(digest.length, this.#bytes)?.equals(digest) ?? false)
    );
  }

  verifySignature(key: KeyObject): boolean {
    return this.#bytes === undefined
      ? verifyDigest(key, this.#sha256, this.signature)
      : verifyBytes(key, this.#bytes, this.signature);
  }
}

function hashOfLength(length: number, bytes: Uint8Array): Buffer | null {
  const algorithm = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[length];
  return algorithm === undefined ? null : createHash(algorithm).update(bytes).digest();
}
