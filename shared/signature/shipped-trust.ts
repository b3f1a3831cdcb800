import { createHash } from 'node:crypto';
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import { GantryError } from '../base/error.ts';

const publicGoodMirror = 'https://tuf-repo-cdn.sigstore.dev';

/**
 * Reads the public-good trust root that the library ships, so that Gantry can start without a
 * network: the TUF root metadata (JSON text), the parsed `trusted_root.json`, and the SHA-256 of
 * its bytes as its version.
 */
export function shippedTrust(): { root: string; trustedRoot: unknown; version: string } {
  const seed = (seeds as Record<string, { 'root.json': string; targets: Record<string, string> }>)[
    publicGoodMirror
  ];
  const target = seed?.targets['trusted_root.json'];

  if (seed === undefined || target === undefined) {
    throw new GantryError(
      'trusted_root_invalid',
      'expected the public-good trusted root within @sigstore/tuf',
    );
  }

  const bytes = Buffer.from(target, 'base64');
  return {
    root: Buffer.from(seed['root.json'], 'base64').toString('utf8'),
    trustedRoot: JSON.parse(bytes.toString('utf8')),
    version: createHash('sha256').update(bytes).digest('hex'),
  };
}
