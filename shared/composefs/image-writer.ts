/**
 * A buffer of zeros and little-endian writes into it at given offsets; callers stay within its
 * size.
 */
export class ImageWriter {
  readonly bytes: Buffer;
  readonly #view: DataView;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  u8(at: number, value: number): void {
    this.bytes[at] = value;
  }

  u16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** 64 bits of a safe integer, negative ones in two's complement. */
  u64(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
    this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  fill(at: number, length: number, byte: number): void {
    this.bytes.fill(byte, at, at + length);
  }

  /** A byte string (see ComposefsNode). */
  text(at: number, value: string): void {
    // Calling into C++ costs more than copying the short names that most strings are.
    if (value.length > 24) {
      this.bytes.write(value, at, 'latin1');
      return;
    }
    for (let i = 0; i < value.length; i++) this.bytes[at + i] = value.charCodeAt(i);
  }
}
