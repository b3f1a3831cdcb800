import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import project from '../../package.json' with { type: 'json' };
import { GantryError } from '../../shared/base/error.ts';
import { basePlatforms } from '../../shared/domain/modules/index.ts';
import {
  copyrightPath,
  formatProvenance,
  formatSbom,
  licencesOf,
  packageKey,
} from '../../shared/packages/index.ts';
import type { PackageBuild } from './packages/build-packages.ts';
import { readFromTar } from './packages/build-tree.ts';
import { readOptional } from './packages/required-modules.ts';

export interface DocumentInput {
  directory: string;
  name: string;
  manifestJson: string;
  layerDigest: string;
  /** The platform that was asked for; undefined for a module without packages. */
  platform: string | undefined;
  packages: PackageBuild | undefined;
  seconds: number;
  env: NodeJS.ProcessEnv;
}

/** Returns the SBOM and the provenance of a built layer. */
export async function buildDocuments(
  input: DocumentInput,
): Promise<{ sbom: string; provenance: string }> {
  const { packages } = input;
  const name = input.platform ?? 'any';
  const known = basePlatforms.get(name);
  const platform = {
    name,
    vendor: known?.vendor ?? 'debian',
    distribution: known === undefined ? name : name.slice(0, name.lastIndexOf('-')),
  };

  const installed = packages?.plan.packages ?? [];
  const debs = packages?.section.packages ?? [];
  const sbom = formatSbom({
    module: { name: input.name, version: undefined, layerDigest: input.layerDigest },
    platform,
    packages: installed,
    licences: await readLicences(packages),
    debs: new Map(debs.map((one) => [packageKey(one), one.sha256])),
    seconds: input.seconds,
  });

  const provenance = formatProvenance({
    layer: { name: 'module.tar', digest: input.layerDigest },
    platform,
    manifestSha256: createHash('sha256').update(input.manifestJson).digest('hex'),
    options: { carve: packages?.section.options.carve ?? false },
    sourceDateEpoch: input.seconds,
    packages: debs,
    requires: packages?.section.requires ?? [],
    ...(await readOrigin(input.directory, input.env)),
  });

  return { sbom, provenance };
}

async function readLicences(packages: PackageBuild | undefined): Promise<Map<string, string[]>> {
  const licences = new Map<string, string[]>();
  if (packages === undefined) return licences;

  for (const { name } of packages.plan.packages) {
    const text = await readFromTar(packages.trees.tree, copyrightPath(name));
    licences.set(name, licencesOf(text));
  }
  return licences;
}

/** Where sources are from and what builds them: a CI run of GitHub's or Gitea's shape, or git. */
async function readOrigin(directory: string, env: NodeJS.ProcessEnv) {
  const server = env.GITHUB_SERVER_URL;
  const run = `${server}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}`;
  const isCi = server !== undefined && env.GITHUB_WORKFLOW_REF !== undefined;
  const source =
    isCi && env.GITHUB_SHA !== undefined
      ? { uri: `git+${server}/${env.GITHUB_REPOSITORY}`, commit: env.GITHUB_SHA }
      : await readGit(directory);

  return {
    source,
    builder: {
      id: isCi ? `${server}/${env.GITHUB_WORKFLOW_REF}` : 'urn:gantry:builder:local',
      version: project.version,
    },
    invocation: isCi ? `${run}/attempts/${env.GITHUB_RUN_ATTEMPT ?? 1}` : undefined,
  };
}

async function readGit(directory: string): Promise<{ uri: string; commit: string } | undefined> {
  const git = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('git', args, { cwd: directory });
    return stdout.trim();
  };

  try {
    const commit = await git('rev-parse', 'HEAD');
    const remote = await git('config', '--get', 'remote.origin.url').catch(() => '');
    return { uri: remote === '' ? 'git' : `git+${withoutPassword(remote)}`, commit };
  } catch {
    // No repository, or no git: the provenance names no source.
    return undefined;
  }
}

/** A remote may hold a token, which a public statement must not. */
function withoutPassword(remote: string): string {
  // Up to the last "@" of the host, because git takes a password with an "@" in it.
  return remote.replace(/^([a-z+]+:\/\/)[^/]*@/i, '$1');
}

/**
 * Reads a VEX document, or has grype make one from the SBOM.
 * @param source a file, or `grype`
 * @throws GantryError `usage` for a file of another kind, `prerequisite_missing` without grype
 */
export async function readVex(source: string, sbomPath: string): Promise<string> {
  const text = source === 'grype' ? await runGrype(sbomPath) : await readVexFile(source);
  const document = parseObject(text);
  const isOpenVex = String(document?.['@context'] ?? '').startsWith('https://openvex.dev/ns');
  const isCycloneDx = document?.bomFormat === 'CycloneDX';
  if (isOpenVex || isCycloneDx) return text;

  const message = `expected an OpenVEX or CycloneDX document in ${source}, found another`;
  throw new GantryError('usage', message, { field: 'vex', found: source });
}

async function readVexFile(path: string): Promise<string> {
  const text = await readOptional(path);
  if (text !== undefined) return text;
  throw new GantryError('io_error', `expected a VEX document at ${path}, found none`);
}

async function runGrype(sbomPath: string): Promise<string> {
  try {
    const args = [`sbom:${sbomPath}`, '--output', 'cyclonedx-json'];
    const options = { maxBuffer: 256 * 1024 * 1024, env: { ...process.env, NO_COLOR: '1' } };
    const { stdout } = await promisify(execFile)('grype', args, options);
    return withoutComponents(stdout);
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') {
      throw new GantryError(
        'prerequisite_missing',
        'expected grype on the PATH for --vex grype, found none; install it, or pass a file',
        { cause: error },
      );
    }

    const said = stderr?.trim().split('\n').at(-1)?.slice(0, 500) || (error as Error).message;
    throw new GantryError('build_failed', `grype failed: ${said}`, { cause: error });
  }
}

/** Grype repeats the packages, by which readers would take its document for another SBOM. */
function withoutComponents(text: string): string {
  const document = parseObject(text);
  if (document === undefined) return text;
  const { components: _, dependencies: __, vulnerabilities, ...rest } = document;
  return `${JSON.stringify({ ...rest, vulnerabilities: vulnerabilities ?? [] }, null, 2)}\n`;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
