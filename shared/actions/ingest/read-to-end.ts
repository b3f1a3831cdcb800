/** Reads a stream for what it does besides: it checks its bytes, or passes them on. */
export async function readToEnd(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks) {
    // Nothing to do with the bytes themselves.
  }
}
