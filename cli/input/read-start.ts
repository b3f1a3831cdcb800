import { open } from 'node:fs/promises';
import { GantryError } from '../../shared/base/error.ts';

/**
 * Reads a file: one byte more than the limit at most, which is enough to reject a long one.
 * @throws GantryError `io_error`
 */
export async function readStart(file: string, bytesMax: number): Promise<Buffer> {
  const handle = await open(file).catch(failReading(file));
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of handle.createReadStream({ end: bytesMax, autoClose: false })) {
      chunks.push(chunk as Buffer);
    }

    return Buffer.concat(chunks);
  } catch (error) {
    return failReading(file)(error);
  } finally {
    await handle.close();
  }
}

/** Turns an error of the file system into one that says what to do. */
export function failReading(path: string): (error: unknown) => never {
  return (error) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? 'found none; run this in the directory of a manifest, or pass its path'
      : (error as Error).message;
    throw new GantryError('io_error', `expected a manifest at ${path}, ${why}`, { cause: error });
  };
}
