/**
 * Reads a whole body of at most `max` bytes.
 * @param tooLarge makes the error for a body that has more, of which nothing more is read
 */
export async function readBounded(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  max: number,
  tooLarge: (found: number) => Error,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;

  for await (const chunk of body) {
    size += chunk.length;
    if (size > max) throw tooLarge(size);
    chunks.push(chunk);
  }

  return Buffer.concat(chunks, size);
}
