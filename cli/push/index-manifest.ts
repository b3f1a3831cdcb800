import { GantryError } from '../../shared/base/error.ts';
import { isSlug } from '../../shared/base/slug.ts';
import { readMachine } from '../../shared/domain/modules/index.ts';
import { mediaTypes } from '../../shared/registry/index.ts';
import { moduleArtifactType } from './artifact-manifest.ts';

/** The manifest of the build for one platform. */
export interface PlatformManifest {
  platform: string;
  digest: string;
  size: number;
}

/**
 * Returns the OCI index of builds for several platforms. Gantry goes by the annotation; the OCI
 * platform is for other tools.
 */
export function indexManifest(manifests: PlatformManifest[]) {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    artifactType: moduleArtifactType,
    manifests: manifests.map(({ platform, digest, size }) => ({
      mediaType: mediaTypes.manifest,
      digest,
      size,
      annotations: { 'vnd.powernode.module.platform': platform },
      artifactType: moduleArtifactType,
      platform: toOciPlatform(platform),
    })),
  };
}

/**
 * Reads the OCI platform from a name such as `ubuntu-24.04-arm64`, which ends in the architecture.
 * @throws GantryError `usage`
 */
export function toOciPlatform(platform: string): {
  architecture: string;
  os: string;
  variant?: string;
} {
  if (!isSlug(platform) || !platform.includes('-')) {
    throw new GantryError(
      'usage',
      `expected a directory for each platform, such as ubuntu-24.04-amd64, found ${JSON.stringify(platform)}`,
      { found: platform },
    );
  }

  const { variant, ...named } = readMachine(platform);
  return { ...named, os: 'linux', ...(variant === undefined ? {} : { variant }) };
}
