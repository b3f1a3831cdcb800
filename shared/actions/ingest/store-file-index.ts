import { encodeFileIndex, type FileIndex } from '../../artifact/index.ts';
import { objectKeys, putByDigest } from '../../store/objects.ts';
import type { Services } from '../context/index.ts';

/** What a file index is of, and what it has. */
export interface IndexedLayer extends Pick<FileIndex, 'entries'> {
  account: string;
  layer: { digest: string };
  outside: Uint8Array | undefined;
}

/** Stores the file index of a layer. Returns its key. */
export async function storeFileIndex(
  services: Services,
  { account, layer, entries, outside }: IndexedLayer,
): Promise<string> {
  const key = objectKeys.fileIndex(account, layer.digest);
  const body = await encodeFileIndex(entries, outside);
  await putByDigest(services.objects, { key, body, type: 'application/gzip' }, services.now());
  return key;
}
