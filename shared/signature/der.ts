import { ASN1Obj } from '@sigstore/core';

/**
 * ASN.1 as the library reads it, encoded in one pass. The library encodes each node into streams of its own that grow by a
 * kilobyte, and encodes a certificate some ten times while it verifies one: that took two thirds of a verification.
 */
export class DerNode extends ASN1Obj {
  /** @throws ASN1ParseError for what is not strict DER, or has bytes behind it */
  static parse(der: Uint8Array): DerNode {
    return DerNode.of(ASN1Obj.parseBuffer(Buffer.from(der)));
  }

  /** A copy of a tree, whose lists can be changed without changing the original's. */
  static of({ tag, value, subs }: ASN1Obj): DerNode {
    return new DerNode(tag, value, subs.map(DerNode.of));
  }

  override toDER(): Buffer {
    const content = this.subs.length > 0 ? this.subs.map((sub) => sub.toDER()) : [this.value];
    const length = content.reduce((sum, part) => sum + part.length, 0);
    return Buffer.concat([header(this.tag.toDER(), length), ...content]);
  }
}

/** Tag and length, X.690 §8.1.3 and §10.1: the definite form in the fewest bytes. */
function header(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([tag, 0x80 | bytes.length, ...bytes]);
}
