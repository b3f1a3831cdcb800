import { createHash } from 'node:crypto';
import { mediaTypes } from '../../shared/registry/index.ts';
import type { Handler } from './http-server.ts';

export const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The descriptor of bytes. */
export const descriptor = (bytes: Buffer, mediaType: string) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
});

/** An index, as a referrers API and the fallback tag have it. */
export const index = (manifests: unknown[]) => ({
  schemaVersion: 2,
  mediaType: mediaTypes.index,
  manifests,
});

/** A registry of manifests and blobs by path; a number is a status. */
export function registryOf(contents: Record<string, Buffer | number>): Handler {
  return (request, response) => {
    const found = contents[decodeURIComponent(request.url ?? '').replace('/v2/a/b/', '')] ?? 404;
    if (typeof found === 'number') response.writeHead(found).end();
    else response.writeHead(200, { 'content-type': mediaTypes.index }).end(found);
  };
}

/**
 * A bundle as a referrer: its layer, its manifest, and the descriptor of that.
 * @param claimedSize what the manifest says of the layer; its size unless given
 */
export function bundleReferrer(bundle: string, predicateType?: string, claimedSize?: number) {
  const layer = Buffer.from(bundle);
  const found = descriptor(layer, mediaTypes.bundle);
  const claimed = { ...found, size: claimedSize ?? found.size };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: descriptor(Buffer.from('{}'), mediaTypes.empty),
      layers: [claimed],
      ...(predicateType === undefined
        ? {}
        : { annotations: { 'dev.sigstore.bundle.predicateType': predicateType } }),
    }),
  );

  return { layer, manifest, descriptor: descriptor(manifest, mediaTypes.manifest) };
}
