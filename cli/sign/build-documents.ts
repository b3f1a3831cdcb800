import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { isIndex, type ManifestContent, parseManifest } from '../../shared/registry/index.ts';
import { predicateTypes } from '../../shared/signature/index.ts';
import { outputNames } from '../build/outputs.ts';
import { findBuilds } from '../push/builds.ts';

/** What `gantry module build` writes beside the module.tar, as a predicate to sign. */
export interface BuildDocument {
  predicateType: string;
  predicate: unknown;
  /** The manifests that it is about: that of the build, and the index that lists it. */
  subjects: ManifestContent[];
}

const statement = z.looseObject({
  _type: z.string().startsWith('https://in-toto.io/Statement/'),
  predicateType: z.string(),
  predicate: z.unknown(),
  subject: z
    .array(z.looseObject({ digest: z.record(z.string(), z.string()).optional() }))
    .default([]),
});

/** The documents of a build, and the predicate type of each. */
const documents: { file: string; typeOf: (json: unknown) => string }[] = [
  { file: outputNames.sbom, typeOf: () => predicateTypes.cyclonedx },
  { file: outputNames.provenance, typeOf: () => predicateTypes.slsaprovenance1 },
  {
    file: outputNames.vex,
    // CycloneDX has its VEX in a bill of materials.
    typeOf: (json) =>
      typeof json === 'object' && json !== null && 'bomFormat' in json
        ? predicateTypes.cyclonedx
        : predicateTypes.openvex,
  },
];

/**
 * Reads the documents of a build, and of several builds in `<dir>/<platform>/`. Each must belong to
 * a module.tar that the artifact holds, so that nobody signs the papers of another build.
 * @param artifact the artifact and, of an index, all that it lists
 * @throws GantryError `io_error`, `build_mismatch`
 */
export async function readBuildDocuments(
  dir: string,
  [artifact, ...listed]: [ManifestContent, ...ManifestContent[]],
): Promise<BuildDocument[]> {
  const found: BuildDocument[] = [];
  for (const { tar } of await findBuilds(dir)) {
    const layer = await hashFile(tar);
    const holders = [artifact, ...listed].filter((content) => holdsLayer(content, layer));
    if (holders.length === 0) throw mismatch(artifact.digest, tar, layer);

    const subjects = holders.includes(artifact) ? holders : [...holders, artifact];
    for (const document of await readDocuments(dirname(tar), layer))
      found.push({ ...document, subjects });
  }

  return found;
}

/** Requires a build that has a document to attest. @throws GantryError `io_error` */
export async function requireBuildDocuments(path: string): Promise<void> {
  for (const { tar } of await findBuilds(path)) {
    const present = await readdir(dirname(tar));
    if (documents.some(({ file }) => present.includes(file))) return;
  }

  throw new GantryError(
    'io_error',
    `expected one of ${documents.map(({ file }) => file).join(', ')} in ${path}, found none; run "gantry module build" first`,
  );
}

async function readDocuments(build: string, tar: string) {
  const present = new Set(await readdir(build));
  const read = documents
    .filter(({ file }) => present.has(file))
    .map(async ({ file, typeOf }) => {
      const path = join(build, file);
      const json = await readJson(path);
      const wrapped = statement.safeParse(json);
      if (!wrapped.success) return { predicateType: typeOf(json), predicate: json };

      const { predicateType, predicate, subject } = wrapped.data;
      const named = subject.flatMap(({ digest }) => digest?.sha256 ?? []);
      if (named.length > 0 && !named.includes(tar.replace('sha256:', '')))
        throw mismatch(tar, path, named.map((hex) => `sha256:${hex}`).join(', '));
      return { predicateType, predicate };
    });

  return Promise.all(read);
}

/**
 * Reads a predicate from a file. Of a whole in-toto statement it takes the predicate, because a
 * statement within a statement says nothing to readers.
 * @throws GantryError `io_error`, `predicate_type_mismatch`
 */
export async function readPredicate(path: string, predicateType: string): Promise<unknown> {
  const json = await readJson(path);
  const wrapped = statement.safeParse(json);
  if (!wrapped.success) return json;
  if (wrapped.data.predicateType === predicateType) return wrapped.data.predicate;

  throw new GantryError(
    'predicate_type_mismatch',
    `expected a predicate of type ${predicateType} in ${path}, found a statement of type ${wrapped.data.predicateType}`,
    { expected: predicateType, found: wrapped.data.predicateType },
  );
}

async function readJson(path: string): Promise<unknown> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  } catch (cause) {
    throw notJson(path, (cause as Error).message, cause);
  }
  throw notJson(path, 'another value');
}

function notJson(path: string, found: string, cause?: unknown): GantryError {
  return new GantryError('io_error', `expected a JSON object in ${path}, found: ${found}`, {
    cause,
  });
}

function holdsLayer({ bytes }: ManifestContent, digest: string): boolean {
  return !isIndex(bytes) && parseManifest(bytes).layers.some((layer) => layer.digest === digest);
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function mismatch(expected: string, path: string, found: string): GantryError {
  return new GantryError(
    'build_mismatch',
    `expected ${path} to belong to ${expected}, found ${found}; push this build first, or name the directory of the build that was pushed`,
    { expected, found },
  );
}
