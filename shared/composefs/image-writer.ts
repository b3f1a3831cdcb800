/** Little-endian writes into a buffer of zeros at given offsets. Callers stay within its size. */
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

  /** Writes a safe integer as 64 bits, a negative one in two's complement. */
  u64(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
    this.#view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  fill(at: number, length: number, byte: number): void {
    this.bytes.fill(byte, at, at + length);
  }

  /** Writes a byte string (see ComposefsNode). */
  text(at: number, value: string): void {
    // Most strings are short names, and copying them costs less than a call into C++.
    if (value.length > 24) {
      this.bytes.write(value, at, 'latin1');
      return;
    }
    for (let i = 0; i < value.length; i++) this.bytes[at + i] = value.charCodeAt(i);
  }
}
