import { z } from 'zod';
import { GantryError, isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { platformSchema } from '../contract/modules/index.ts';
import { nameOciPlatform } from '../domain/modules/index.ts';
import type { ManifestContent } from './client.ts';
import { type Descriptor, isIndex, parseIndex, platformAnnotation, signed } from './schema.ts';

const ociPlatformSchema = z.object({
  platform: z.object({
    os: z.string(),
    architecture: z.string(),
    variant: z.string().nullish(),
    'os.version': z.string().nullish(),
  }),
});

/**
 * The digests of the manifests that an index lists for platforms; none for a manifest, and none for
 * an index that the ingest refuses.
 */
export function listBuilds({ bytes }: Pick<ManifestContent, 'bytes'>): string[] {
  try {
    if (!signed(() => isIndex(bytes))) return [];
    const children = signed(() => parseIndex(bytes)).manifests;
    const builds = children.filter((child) => platformOf(child) !== null);
    return builds.length > limits.platformsMax ? [] : builds.map(({ digest }) => digest);
  } catch (error) {
    if (isGantryError(error, 'artifact_invalid')) return [];
    throw error;
  }
}

/**
 * The platform that an index entry names: its annotation, else its OCI platform; null for none.
 */
export function platformOf(child: Descriptor): string | null {
  const named = child.annotations?.[platformAnnotation] ?? ociPlatform(child);
  if (named === null || platformSchema.safeParse(named).success) return named;

  throw new GantryError(
    'artifact_invalid',
    `expected an index to name platforms such as ubuntu-24.04-amd64, found ${JSON.stringify(named.slice(0, 200))}`,
    { found: named.slice(0, 200) },
  );
}

function ociPlatform(child: Descriptor): string | null {
  const { data } = ociPlatformSchema.safeParse(child);
  // Builders list their attestations as manifests for the platform unknown/unknown.
  if (data === undefined || data.platform.os === 'unknown') return null;
  const { 'os.version': osVersion, ...platform } = data.platform;
  return nameOciPlatform({ ...platform, osVersion });
}
