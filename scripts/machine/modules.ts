import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildExample, prepareModules, type Workshop } from '../examples/build-modules.ts';
import { localDirectory, projectRoot } from '../local-cloud.ts';

export const platform = 'debian-13-amd64';

/** A module of the machine: its tar and documents are in `dist`. */
export interface BuiltModule {
  name: string;
  category: string;
  tag: string;
  dist: string;
}

/** Makes the modules of the machine, and changes of Redis. */
export class Modules {
  readonly #shop: Workshop;

  private constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** Copies the examples. Packages and locks are kept in `.local/examples`. */
  static async open(work: string): Promise<Modules> {
    const shop = {
      names: ['system-base', 'my-redis', 'beacon'],
      platform,
      examples: join(projectRoot, 'examples/modules'),
      kept: join(localDirectory, 'examples'),
      copy: join(work, 'modules'),
    };
    await mkdir(join(shop.copy, 'beacon/rootfs'), { recursive: true });
    await prepareModules(shop);

    const modules = new Modules(shop);
    // The machine has no hardening: one example less to build.
    await modules.#edit('my-redis/manifest.yaml', (text) =>
      text.replace(/^ +- "powernode\/security-hardening@.*\n/m, ''),
    );
    return modules;
  }

  base(): Promise<BuiltModule> {
    return this.#build('system-base', 'system-base', 'v1.0.0');
  }

  /**
   * Redis as the example has it, with lines at the end of its configuration, which make it another
   * version.
   */
  async redis(tag: string, lines: string): Promise<BuiltModule> {
    const example = join(this.#shop.examples, 'my-redis/rootfs/etc/redis/redis.conf');
    const text = await readFile(example, 'utf8');
    await this.#edit('my-redis/rootfs/etc/redis/redis.conf', () => `${text}\n${lines}\n`);
    return this.#build('my-redis', 'userland', tag);
  }

  /** A service that no change concerns. */
  async beacon(): Promise<BuiltModule> {
    await this.#write('beacon', beaconManifest);
    return this.#build('beacon', 'userland', 'v1.0.0');
  }

  async #build(name: string, category: string, tag: string): Promise<BuiltModule> {
    await buildExample(this.#shop, name);
    return { name, category, tag, dist: join(this.#shop.copy, name, 'dist') };
  }

  async #write(name: string, manifest: string): Promise<void> {
    const path = join(this.#shop.copy, name, 'manifest.yaml');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, manifest);
  }

  async #edit(path: string, change: (text: string) => string): Promise<void> {
    const file = join(this.#shop.copy, path);
    await writeFile(file, change(await readFile(file, 'utf8')));
  }
}

const beaconManifest = `schema_version: 1
name: beacon
category: userland
package_spec: []
dependencies:
  requires: ["powernode/system-base@^1.0"]
services:
  - name: beacon
    start_command: /usr/bin/sleep infinity
    restart_policy: always
`;
