import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { isIndex, type ManifestContent, parseManifest } from '../../shared/registry/index.ts';
import { predicateTypes } from '../../shared/signature/index.ts';

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
  { file: 'sbom.cdx.json', typeOf: () => predicateTypes.cyclonedx },
  { file: 'provenance.json', typeOf: () => predicateTypes.slsaprovenance1 },
  {
    file: 'vex.json',
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
  [artifact, ...children]: [ManifestContent, ...ManifestContent[]],
): Promise<BuildDocument[]> {
  const builds = await findBuilds(dir);
  const found = await Promise.all(
    builds.map(async (build) => {
      const tar = await hashFile(join(build, 'module.tar'));
      const holder = [artifact, ...children].find((content) => holdsLayer(content, tar));
      if (holder === undefined) throw mismatch(artifact.digest, `${build}/module.tar`, tar);

      const subjects = holder === artifact ? [artifact] : [holder, artifact];
      const read = await readDocuments(build, tar);
      return read.map((document) => ({ ...document, subjects }));
    }),
  );

  const all = found.flat();
  if (all.length > 0) return all;
  throw new GantryError(
    'io_error',
    `expected one of ${documents.map(({ file }) => file).join(', ')} in ${dir}, found none; run "gantry module build" first`,
  );
}

/** Returns the directories with a module.tar: the given one, or those below it. */
export async function findBuilds(dir: string): Promise<string[]> {
  const names = await listFiles(dir);
  if (names.some((name) => name === 'module.tar')) return [dir];

  const builds: string[] = [];
  for (const name of names.sort()) {
    const inner = await readdir(join(dir, name)).catch((): string[] => []);
    if (inner.includes('module.tar')) builds.push(join(dir, name));
  }
  if (builds.length > 0) return builds;

  throw new GantryError(
    'io_error',
    `expected a module.tar in ${dir} or in a directory for each platform, found none; run "gantry module build" first`,
  );
}

async function listFiles(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (cause) {
    const message = `expected a directory with a build at ${dir}, found an error: ${(cause as Error).message}`;
    throw new GantryError('io_error', message, { cause });
  }
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
