import { GantryError } from '../base/error.ts';

/**
 * Little-endian reads from an image that may be malformed. Every read is checked, and the total
 * work is bounded by the length of the image. To bound it, each part of an image is claimed before
 * it is read: parts of a well-formed image never overlap, so their sum is at most its length.
 */
export class ImageReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #unclaimed: number;

  constructor(image: Uint8Array) {
    this.#bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
    this.#view = new DataView(image.buffer, image.byteOffset, image.length);
    this.#unclaimed = image.length;
  }

  /** Counts a part as read. Throws if the part is outside the image or overlaps with others. */
  claim(at: number, bytes: number, what: string): void {
    this.#check(at, bytes, what);
    this.#unclaimed -= bytes;

    if (this.#unclaimed < 0) {
      throw invalidImage(
        `expected parts that do not overlap, found more than the image holds at ${what}`,
      );
    }
  }

  u8(at: number): number {
    this.#check(at, 1, 'a byte');
    return this.#bytes[at] as number;
  }

  u16(at: number): number {
    this.#check(at, 2, 'a number');
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    this.#check(at, 4, 'a number');
    return this.#view.getUint32(at, true);
  }

  /**
   * Reads 64 bits, unsigned. If JavaScript has no exact number for them, the error names `what`.
   */
  u64(at: number, what: string): number {
    return safe(this.u32(at) + this.u32(at + 4) * 2 ** 32, what);
  }

  /** Reads 64 bits in two's complement. */
  i64(at: number, what: string): number {
    this.#check(at, 8, what);
    return safe(this.u32(at) + this.#view.getInt32(at + 4, true) * 2 ** 32, what);
  }

  /** Reads a byte string (see ComposefsNode). */
  text(at: number, bytes: number, what: string): string {
    this.#check(at, bytes, what);
    return this.#bytes.toString('latin1', at, at + bytes);
  }

  #check(at: number, bytes: number, what: string): void {
    if (at >= 0 && at + bytes <= this.#bytes.length) return;
    throw invalidImage(
      `expected ${what} within ${this.#bytes.length} bytes, found it at ${at} with ${bytes} bytes`,
    );
  }
}

export function invalidImage(sentence: string): GantryError {
  return new GantryError('image_invalid', sentence);
}

function safe(value: number, what: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw invalidImage(`expected ${what} of at most 2^53, found ${value}`);
}
