import { GantryError } from '../../shared/base/error.ts';
import { isSlug } from '../../shared/base/slug.ts';
import { mediaTypes } from '../../shared/registry/index.ts';
import { moduleArtifactType } from './artifact-manifest.ts';

/** The manifest of the build for one platform. */
export interface PlatformManifest {
  platform: string;
  digest: string;
  size: number;
}

/**
 * How OCI names the architectures of Debian (image-spec, "Platform Variants"). Others have the same
 * name in both.
 */
const ociArchitectures: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  arm64: { architecture: 'arm64', variant: 'v8' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  i386: { architecture: '386' },
  ppc64el: { architecture: 'ppc64le' },
};

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
  const at = platform.lastIndexOf('-');
  if (!isSlug(platform) || at < 1) {
    throw new GantryError(
      'usage',
      `expected a directory for each platform, such as ubuntu-24.04-amd64, found ${JSON.stringify(platform)}`,
      { found: platform },
    );
  }

  const architecture = platform.slice(at + 1);
  const { variant, ...named } = Object.hasOwn(ociArchitectures, architecture)
    ? (ociArchitectures[architecture] ?? { architecture })
    : { architecture };
  return { ...named, os: 'linux', ...(variant === undefined ? {} : { variant }) };
}
