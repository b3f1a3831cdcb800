import { z } from 'zod';
import type { ProvenanceSummary } from '../domain/signatures/index.ts';

const builder = z.looseObject({ id: z.string() });
const digest = z.record(z.string(), z.string()).nullish().catch(null);
const material = z.looseObject({ uri: z.string().nullish().catch(null), digest });
const materials = z.array(material.nullable().catch(null)).nullish().catch(null);

// https://slsa.dev/spec/v1.0/provenance
const provenanceV1 = z.looseObject({
  runDetails: z.looseObject({ builder }),
  buildDefinition: z
    .looseObject({
      externalParameters: z
        .looseObject({
          // GitHub's build type; `source` is that of the generic builders.
          workflow: z.looseObject({ repository: z.string() }).nullish().catch(null),
          source: z
            .union([z.string(), z.looseObject({ uri: z.string() }).transform(({ uri }) => uri)])
            .nullish()
            .catch(null),
        })
        .nullish()
        .catch(null),
      resolvedDependencies: materials,
    })
    .nullish()
    .catch(null),
});

// https://slsa.dev/spec/v0.2/provenance
const provenanceV02 = z.looseObject({
  builder,
  invocation: z
    .looseObject({ configSource: material.nullish().catch(null) })
    .nullish()
    .catch(null),
  materials,
});

interface Provenance extends ProvenanceSummary {
  format: string;
  builder_id: string;
}

/** Reads SLSA provenance, v1 or v0.2; null for another document. */
export function readProvenance(predicate: unknown): Provenance | null {
  return readV1(predicate) ?? readV02(predicate);
}

/** The builder that SLSA provenance names; null for another document. */
export function readBuilder(predicate: unknown): string | null {
  return readProvenance(predicate)?.builder_id ?? null;
}

function readV1(predicate: unknown): Provenance | null {
  const { data } = provenanceV1.safeParse(predicate);
  if (data === undefined) return null;

  const { externalParameters, resolvedDependencies } = data.buildDefinition ?? {};
  const stated = externalParameters?.workflow?.repository ?? externalParameters?.source;
  return {
    format: 'SLSA v1',
    builder_id: data.runDetails.builder.id,
    ...sourceOf(stated, presentOf(resolvedDependencies)),
  };
}

function readV02(predicate: unknown): Provenance | null {
  const { data } = provenanceV02.safeParse(predicate);
  if (data === undefined) return null;

  const config = data.invocation?.configSource;
  const found = presentOf(data.materials);
  return {
    format: 'SLSA v0.2',
    builder_id: data.builder.id,
    ...sourceOf(config?.uri, config ? [config, ...found] : found),
  };
}

type Material = z.output<typeof material>;

function presentOf(found: (Material | null)[] | null | undefined): Material[] {
  return (found ?? []).filter((one) => one !== null);
}

/**
 * The source that a builder states as its input, else the first dependency from git: a list of
 * dependencies has no order, and may name other repositories too.
 */
function sourceOf(stated: string | null | undefined, found: Material[]): ProvenanceSummary {
  const fromGit = found.filter(({ uri }) => uri?.startsWith('git+') === true);
  const source = repositoryOf(stated ?? fromGit[0]?.uri ?? null);
  const built = found.find(({ uri }) => source !== null && repositoryOf(uri ?? null) === source);

  const { gitCommit, sha1 } = (built ?? (stated ? undefined : fromGit[0]))?.digest ?? {};
  return { source_repository: source, source_commit: gitCommit ?? sha1 ?? null };
}

/** A ref of git behind the repository. A user name before the host has a `/` behind it. */
const ref = /@(?:refs\/.*|[^/@]*)$/;

/** `git+https://github.com/acme/redis@refs/heads/main` → `https://github.com/acme/redis` */
function repositoryOf(uri: string | null): string | null {
  return uri === null ? null : uri.replace(/^git\+/, '').replace(ref, '') || null;
}
