import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuildOptions, type BuildResult, buildModule } from '../../cli/build/build-module.ts';
import type { PackageOptions } from '../../cli/build/packages/build-packages.ts';
import type { DebianArchive } from './debian-archive.ts';

/** A directory with modules beside each other, and a cache of its own. */
export class PackageWorkspace {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-workspace-'));
  readonly #archive: DebianArchive;

  constructor(archive: DebianArchive) {
    this.#archive = archive;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Writes a module repository. @returns its directory */
  module(name: string, manifest: string, files: Record<string, string> = {}): string {
    const directory = join(this.directory, name);
    this.put(name, 'manifest.yaml', `schema_version: 1\nname: ${name}\n${manifest}`);
    for (const [path, content] of Object.entries(files)) this.put(name, path, content);
    return directory;
  }

  put(name: string, path: string, content: string): void {
    const file = join(this.directory, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  read(name: string, path: string): string {
    return readFileSync(join(this.directory, name, path), 'utf8');
  }

  /** Builds a module against the archive. */
  build(
    name: string,
    packages: Partial<PackageOptions> = {},
    options: Partial<BuildOptions> = {},
  ): Promise<BuildResult> {
    const directory = join(this.directory, name);
    return buildModule({
      directory,
      out: join(directory, 'dist'),
      dryRun: false,
      sourceDateEpoch: '1750000000',
      packages: {
        platform: 'debian-12-amd64',
        mirrors: [this.#archive.mirror],
        keyring: this.#archive.keyring,
        cache: join(this.directory, 'cache'),
        ...packages,
      },
      ...options,
    });
  }
}
