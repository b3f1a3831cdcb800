import { packageKey } from './database.ts';
import type { LockedModule, LockedPackage } from './lock.ts';
import { packageUrl } from './sbom.ts';

export const provenanceType = 'https://slsa.dev/provenance/v1';

export interface ProvenanceInput {
  layer: { name: string; digest: string };
  platform: { name: string; vendor: string; distribution: string };
  /** SHA-256 of the normalised manifest, hex. */
  manifestSha256: string;
  options: { carve: boolean };
  sourceDateEpoch: number;
  packages: readonly LockedPackage[];
  requires: readonly LockedModule[];
  /** The commit of the module repository, where git knows one. */
  source: { uri: string; commit: string } | undefined;
  builder: { id: string; version: string };
  /** The run of a CI system. */
  invocation: string | undefined;
}

/**
 * Writes an in-toto statement (v1) with a SLSA provenance predicate (v1) about a layer. Every .deb
 * and every required module is a resolved dependency. It states no time of its own, so that two
 * builds of one source give the same bytes.
 */
export function formatProvenance(input: ProvenanceInput): string {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: input.layer.name, digest: digestOf(input.layer.digest) }],
    predicateType: provenanceType,
    predicate: {
      buildDefinition: {
        buildType: 'urn:gantry:module-build:v1',
        externalParameters: {
          platform: input.platform.name,
          manifest: { digest: { sha256: input.manifestSha256 } },
          carve: input.options.carve,
          ...(input.source === undefined ? {} : { source: input.source.uri }),
        },
        internalParameters: { SOURCE_DATE_EPOCH: input.sourceDateEpoch },
        resolvedDependencies: dependenciesOf(input),
      },
      runDetails: {
        builder: { id: input.builder.id, version: { gantry: input.builder.version } },
        metadata: input.invocation === undefined ? {} : { invocationId: input.invocation },
      },
    },
  };

  return `${JSON.stringify(statement, null, 2)}\n`;
}

function dependenciesOf({ source, requires, packages, platform }: ProvenanceInput) {
  return [
    ...(source === undefined
      ? []
      : [{ name: 'source', uri: source.uri, digest: { gitCommit: source.commit } }]),
    ...requires.map(({ module, digest }) => ({ name: module, digest: digestOf(digest) })),
    ...packages.map((one) => ({
      name: packageKey(one),
      uri: packageUrl(one, platform),
      digest: { sha256: one.sha256 },
    })),
  ];
}

function digestOf(digest: string): { sha256: string } {
  return { sha256: digest.replace(/^sha256:/, '') };
}
