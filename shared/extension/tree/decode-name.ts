import { unsafe } from './tree.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Names are UTF-8: in any other encoding, two readers could see two names. */
export function decodeName(bytes: Buffer): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw unsafe(
      `expected names in UTF-8, found the bytes ${bytes.subarray(0, 60).toString('hex')}; archive the files on a system that writes UTF-8`,
    );
  }
}
