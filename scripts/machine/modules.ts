import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildExample, prepareModules, type Workshop } from '../examples/build-modules.ts';
import { localDirectory, projectRoot } from '../local-cloud.ts';
import { run } from '../run.ts';

export const platform = 'debian-13-amd64';

/** The module that keeps a machine which boots from the composition. */
export const agentModule = 'gantry-agent';

/** What the configuration of a better Redis says. */
export const maxClients = '1234';

/** A module of the machine: its tar and documents are in `dist`. */
export interface BuiltModule {
  name: string;
  category: string;
  tag: string;
  dist: string;
}

/**
 * Makes the modules of the machine, and changes of Redis: one after the other, in the order of the
 * calls, because each build uses what the ones before it wrote. A failure is theirs who wait for a
 * module.
 */
export class Modules {
  readonly #shop: Workshop;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** Copies the examples. Packages and locks are kept in `.local/examples`. */
  static async open(work: string): Promise<Modules> {
    const shop = {
      names: ['system-base', 'my-redis', agentModule, 'beacon'],
      platform,
      examples: join(projectRoot, 'examples/modules'),
      kept: join(localDirectory, 'examples'),
      copy: join(work, 'modules'),
    };
    for (const name of [agentModule, 'beacon'])
      await mkdir(join(shop.copy, name, 'rootfs'), { recursive: true });
    await prepareModules(shop);

    const modules = new Modules(shop);
    // The machine has no hardening: one example less to build.
    await modules.#edit('my-redis/manifest.yaml', (text) =>
      text.replace(/^ +- "powernode\/security-hardening@.*\n/m, ''),
    );
    // The runtime of the agent needs it, and a module without packages is built in a second.
    await modules.#edit('system-base/manifest.yaml', (text) =>
      text.replace(/^ +- libc-bin\n/m, '$&  - libstdc++6\n'),
    );
    return modules;
  }

  base(): Promise<BuiltModule> {
    return this.#queue(() => this.#build('system-base', 'system-base', 'v1.0.0'));
  }

  /**
   * Redis as the example has it, with lines at the end of its configuration, which make it another
   * version.
   */
  redis(tag: string, lines: string): Promise<BuiltModule> {
    return this.#queue(async () => {
      const example = join(this.#shop.examples, 'my-redis/rootfs/etc/redis/redis.conf');
      const text = await readFile(example, 'utf8');
      await this.#edit('my-redis/rootfs/etc/redis/redis.conf', () => `${text}\n${lines}\n`);
      return this.#build('my-redis', 'userland', tag);
    });
  }

  /** A service that no change concerns. */
  beacon(): Promise<BuiltModule> {
    return this.#queue(async () => {
      await this.#write('beacon', beaconManifest);
      return this.#build('beacon', 'userland', 'v1.0.0');
    });
  }

  /** The agent of its Debian packages, for a machine that boots from the composition. */
  agent(packages: Promise<readonly string[]>): Promise<BuiltModule> {
    return this.#queue(async () => {
      const rootfs = join(this.#shop.copy, agentModule, 'rootfs');
      for (const deb of await packages) await run('dpkg-deb', ['--extract', deb, rootfs]);

      for (const [target, unit] of enabledUnits) {
        const wants = join(rootfs, 'usr/lib/systemd/system', `${target}.wants`);
        await mkdir(wants, { recursive: true });
        await symlink(`../${unit}`, join(wants, unit));
      }
      await this.#write(agentModule, agentManifest);
      return this.#build(agentModule, 'system-base', 'v1.0.0');
    });
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next;
    next.catch(() => undefined);
    return next;
  }

  async #build(name: string, category: string, tag: string): Promise<BuiltModule> {
    const dist = join(this.#shop.copy, name, `dist-${tag}`);
    await buildExample(this.#shop, name, dist);
    return { name, category, tag, dist };
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

/** The links that `systemctl enable` would make. */
const enabledUnits = [
  ['timers.target', 'gantry-agent.timer'],
  ['multi-user.target', 'gantry-agent-boot.service'],
] as const;

const agentManifest = `schema_version: 1
name: ${agentModule}
category: system-base
package_spec: []
file_spec: ["/usr/***", "/var/***", "/etc/***"]
dependencies:
  requires: ["powernode/system-base@^1.0"]
`;

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
