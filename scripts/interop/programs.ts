import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { z } from 'zod';
import { GantryError } from '../../shared/base/error.ts';
import { dockerRegistryProgram } from '../docker-registry.ts';
import { run } from '../run.ts';

interface GoProgram {
  module: string;
  version: string;
  /** Its package in the module; the default is the module's own. */
  package?: string;
  /**
   * `module` builds in the downloaded module, which `go install` refuses for modules that replace
   * others or that have no list of versions.
   */
  build?: 'module';
  tags?: string;
  env?: Record<string, string>;
}

/** The programs that Go builds. */
const goPrograms = {
  cosign: {
    module: 'github.com/sigstore/cosign/v3',
    package: 'cmd/cosign',
    version: 'v3.1.3',
  },
  fulcio: { module: 'github.com/sigstore/fulcio', version: 'v1.8.8' },
  rekor: {
    module: 'github.com/sigstore/rekor-tiles/v2',
    package: 'cmd/rekor-server/posix',
    version: 'v2.3.0',
  },
  tesseract: {
    module: 'github.com/transparency-dev/tesseract',
    package: 'cmd/tesseract/posix',
    version: 'v0.1.1',
  },
  tsa: {
    module: 'github.com/sigstore/timestamp-authority/v2',
    package: 'cmd/timestamp-server',
    version: 'v2.1.3',
  },
  crane: {
    module: 'github.com/google/go-containerregistry',
    package: 'cmd/crane',
    version: 'v0.22.1',
  },
  oras: { module: 'oras.land/oras', package: 'cmd/oras', version: 'v1.3.6' },
  regctl: { module: 'github.com/regclient/regclient', package: 'cmd/regctl', version: 'v0.11.7' },
  distribution: {
    module: 'github.com/distribution/distribution/v3',
    package: 'cmd/registry',
    version: 'v3.1.2',
  },
  zot: {
    module: 'zotregistry.dev/zot/v2',
    package: 'cmd/zot',
    version: 'v2.1.20',
    env: { GOEXPERIMENT: 'jsonv2' },
  },
  olareg: {
    module: 'github.com/olareg/olareg',
    package: 'cmd/olareg',
    version: 'v0.2.2',
    build: 'module',
  },
  gitea: {
    module: 'code.gitea.io/gitea',
    version: 'v1.26.0',
    build: 'module',
    tags: 'sqlite sqlite_unlock_notify',
  },
} as const satisfies Record<string, GoProgram>;
type GoName = keyof typeof goPrograms;

/** The programs that the system has, and the Debian packages with them. */
const systemPrograms = {
  'docker-registry': { command: dockerRegistryProgram, version: ['--version'] },
  skopeo: { command: 'skopeo', version: ['--version'] },
  buildah: { command: 'buildah', version: ['--version'] },
} as const;

export type ProgramName = GoName | keyof typeof systemPrograms;

export interface FoundProgram {
  path: string;
  version: string;
}

export interface Programs {
  found: ReadonlyMap<ProgramName, FoundProgram>;
  /** Why the others are not there. */
  missing: ReadonlyMap<ProgramName, string>;
}

/**
 * Finds programs, and builds those of Go that are not there yet, each in a directory of its own.
 * The first time takes some minutes.
 */
export async function findPrograms(
  names: Iterable<ProgramName>,
  directory: string,
  say: (line: string) => void,
): Promise<Programs> {
  const found = new Map<ProgramName, FoundProgram>();
  const missing = new Map<ProgramName, string>();

  for (const name of new Set(names)) {
    try {
      found.set(name, await findProgram(name, directory, say));
    } catch (error) {
      missing.set(name, (error as Error).message);
    }
  }

  return { found, missing };
}

/** @throws GantryError `prerequisite_missing` if the program is not there */
export function programPath({ found, missing }: Programs, name: ProgramName): string {
  const program = found.get(name);
  if (program !== undefined) return program.path;
  throw new GantryError(
    'prerequisite_missing',
    `expected the program ${name}, found none: ${missing.get(name)}`,
  );
}

/** The directory of a module that `go mod download` fetched. It is read-only. */
export async function moduleDirectory(name: GoName): Promise<string> {
  const { module, version } = goPrograms[name];
  const answer = await run('go', ['mod', 'download', '-json', `${module}@${version}`]);
  return z.object({ Dir: z.string() }).parse(JSON.parse(answer)).Dir;
}

async function findProgram(
  name: ProgramName,
  directory: string,
  say: (line: string) => void,
): Promise<FoundProgram> {
  if (name in goPrograms) return buildProgram(name as GoName, directory, say);

  const { command, version } = systemPrograms[name as keyof typeof systemPrograms];
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find(existsSync);
  if (path === undefined) throw new Error(`apt-get install ${name}`);

  const answer = await run(path, [...version]);
  return { path, version: /\d+\.\d[\w.+]*/.exec(answer)?.[0] ?? answer.trim() };
}

async function buildProgram(
  name: GoName,
  directory: string,
  say: (line: string) => void,
): Promise<FoundProgram> {
  const program: GoProgram = goPrograms[name];
  const { module, version, env } = program;
  const source = [module, program.package].filter(Boolean).join('/');

  const bin = join(directory, `${source}@${version}`.replaceAll(/[^\w.-]+/g, '-'));
  // Go names a program by the last part of its path, except a version.
  const path = join(bin, source.split('/').at(-1) ?? name);
  if (existsSync(path)) return { path, version };

  say(`building ${source}@${version}`);
  await mkdir(bin, { recursive: true });
  const options = { env: { ...process.env, ...env, GOBIN: bin } };
  const tags = program.tags === undefined ? [] : ['-tags', program.tags];

  try {
    if (program.build === 'module') {
      const from = ['-C', await moduleDirectory(name), 'build', '-trimpath', ...tags];
      await run('go', [...from, '-o', path, `./${program.package ?? ''}`], options);
    } else {
      await run('go', ['install', '-trimpath', ...tags, `${source}@${version}`], options);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new GantryError(
      'prerequisite_missing',
      `expected Go 1.26 or newer on the PATH to build ${name}, found none`,
      { cause },
    );
  }

  return { path, version };
}
