import { open } from 'node:fs/promises';
import { GantryError } from '../../shared/base/error.ts';

/**
 * Reads the text of a manifest: one byte more than the limit at most, which is enough to reject a
 * long file. @throws GantryError `io_error`
 */
export async function readManifestText(file: string, bytesMax: number): Promise<string> {
  const handle = await open(file).catch(failReading(file));
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of handle.createReadStream({ end: bytesMax, autoClose: false })) {
      chunks.push(chunk as Buffer);
    }

    return Buffer.concat(chunks).toString('utf8');
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
