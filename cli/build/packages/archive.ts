import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GantryError } from '../../../shared/base/error.ts';
import { listNearest } from '../../../shared/base/nearest.ts';
import { compareBytes } from '../../../shared/domain/files/index.ts';
import type { BasePlatform } from '../../../shared/domain/modules/index.ts';
import { type LockedPackage, parseStanzas, type Stanza } from '../../../shared/packages/index.ts';
import { runTool } from './run-tool.ts';
import { toolError } from './tool-errors.ts';

/** Packages that apt chose. */
export interface Resolution {
  packages: LockedPackage[];
  /** Control paragraphs by `name=version`, to resolve more packages on top. */
  stanzas: Stanza[];
}

/**
 * The signed index of a platform's archives, read by apt with a configuration of its own. It
 * resolves packages; nothing is installed.
 */
export class Archive {
  readonly #directory: string;
  readonly #platform: BasePlatform;

  constructor(directory: string, platform: BasePlatform) {
    this.#directory = directory;
    this.#platform = platform;
  }

  /**
   * Downloads and verifies the indexes.
   * @returns the date of the newest index, in seconds since 1970
   * @throws GantryError `suite_unreachable`, `archive_signature_invalid`, `disk_full`
   */
  async update(): Promise<number> {
    const { architecture } = this.#platform;
    for (const part of ['state/lists/partial', 'cache/archives/partial', 'etc/preferences.d'])
      await mkdir(join(this.#directory, part), { recursive: true });
    await writeFile(join(this.#directory, 'sources.list'), sourcesOf(this.#platform));
    await writeFile(this.#configuration, aptConfiguration(this.#directory, architecture));
    await this.#setInstalled([]);

    const { code, lines, output } = await this.#run('apt-get', ['update']);
    if (code !== 0) throw toolError('apt-get', [...output.split('\n'), ...lines]);
    return this.#date();
  }

  /**
   * Resolves the essential packages and those named, on top of what is installed already.
   * @param installed what the tree has before; its packages are not in the result
   * @throws GantryError `package_not_found`, `packages_conflict`, `build_failed`
   */
  async resolve(specs: readonly string[], installed: readonly Stanza[]): Promise<Resolution> {
    await this.#setInstalled(installed);
    const essential = installed.length === 0 ? await this.#essential() : [];
    const wanted = [...essential, ...specs];
    const args = ['install', '--simulate', '--no-install-recommends', ...wanted];
    const { code, output, lines } = await this.#run('apt-get', args);

    if (code !== 0) throw await this.#resolveError([...output.split('\n'), ...lines]);
    const removed = [...output.matchAll(/^Remv (\S+)/gm)].map(([, name]) => name ?? '');
    if (removed.length > 0) {
      const message = `expected packages that fit those of the required modules, found that ${removed.join(', ')} would be removed. Choose other packages, or change the required module`;
      throw new GantryError('packages_conflict', message, { found: removed });
    }

    const chosen = [...output.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) [^[]*\[([^\]]+)\]/gm)];
    return this.#describe(chosen.map(([, name = '', version = '']) => `${name}=${version}`));
  }

  /** Essential packages, and the marker of a merged /usr, in place of the program that merges. */
  async #essential(): Promise<string[]> {
    const { suite, architecture } = this.#platform;
    const { code } = await this.#run('apt-cache', ['show', '--no-all-versions', 'usr-is-merged']);
    const pattern = `?narrow(?or(?archive(^${suite}$),?codename(^${suite}$)),?architecture(${architecture}),?essential)`;
    return [pattern, ...(code === 0 ? ['usr-is-merged'] : [])];
  }

  async #describe(names: readonly string[]): Promise<Resolution> {
    if (names.length === 0) return { packages: [], stanzas: [] };
    const { code, output, lines } = await this.#run('apt-cache', ['show', ...names]);
    if (code !== 0) throw toolError('apt-cache', lines);

    const found = new Map<string, Stanza>();
    for (const stanza of parseStanzas(output, 'the index')) {
      const key = `${stanza.get('Package')}=${stanza.get('Version')}`;
      // Two archives may have one version. Its bytes are the same, and the first is preferred.
      if (!found.has(key)) found.set(key, stanza);
    }

    const stanzas = names.map((name) => {
      const stanza = found.get(name.replace(/:[a-z0-9-]+=/, '='));
      if (stanza === undefined) throw toolError('apt-cache', [`no record of ${name}`]);
      return stanza;
    });
    return {
      packages: stanzas.map(lockedOf).sort((a, b) => compareBytes(a.name, b.name)),
      stanzas,
    };
  }

  async #resolveError(lines: readonly string[]): Promise<GantryError> {
    const text = lines.join('\n');
    const unknown =
      /Unable to locate package (\S+)/.exec(text)?.[1] ??
      /Couldn't find any package by (?:glob|regex) '([^']+)'/.exec(text)?.[1];
    if (unknown !== undefined) {
      const { output } = await this.#run('apt-cache', ['pkgnames']);
      const near = listNearest(unknown, nearNames(unknown, output.split('\n')));
      const message = `expected a package of ${this.#platform.suite}, found no ${JSON.stringify(unknown)}; near are ${near}`;
      return new GantryError('package_not_found', message, {
        field: 'package_spec',
        found: unknown,
      });
    }

    const [, version, name] = /Version '([^']+)' for '([^']+)' was not found/.exec(text) ?? [];
    if (name !== undefined) {
      const { output } = await this.#run('apt-cache', ['madison', name]);
      const versions = [...output.matchAll(/\| +(\S+) +\|/g)].map(([, one]) => one);
      const message = `expected a version of ${name} that ${this.#platform.suite} has, found ${version}; there ${versions.length === 1 ? 'is' : 'are'} ${[...new Set(versions)].join(', ')}`;
      return new GantryError('package_not_found', message, {
        field: 'package_spec',
        found: version,
      });
    }

    const [, virtual] = /Package '?(\S+?)'? has no installation candidate/.exec(text) ?? [];
    if (virtual === undefined) return toolError('apt-get', lines);
    const providers = [...text.matchAll(/^ {2}(\S+) \S+(?: \([^)]*\))?$/gm)].map(
      ([, one]) => one ?? '',
    );
    const choice =
      providers.length === 0
        ? 'which no package provides'
        : `which several provide; name one of ${listNearest(virtual, providers)}`;
    const message = `expected a package of ${this.#platform.suite}, found the virtual package ${virtual}, ${choice}`;
    return new GantryError('package_not_found', message, { field: 'package_spec', found: virtual });
  }

  /** The date of the newest index. It is signed, so it is the same for everybody. */
  async #date(): Promise<number> {
    const lists = join(this.#directory, 'state/lists');
    let newest = 0;
    for (const name of await readdir(lists)) {
      if (!/_(?:In)?Release$/.test(name)) continue;
      const text = await readFile(join(lists, name), 'utf8');
      const date = Date.parse(/^Date: (.+)$/m.exec(text)?.[1] ?? '');
      if (date > newest) newest = date;
    }
    return Math.floor(newest / 1000);
  }

  async #setInstalled(stanzas: readonly Stanza[]): Promise<void> {
    const text = stanzas.map((stanza) => {
      const fields = [
        'Package',
        'Version',
        'Architecture',
        'Multi-Arch',
        'Essential',
        ...relations,
      ];
      const lines = fields.flatMap((field) => {
        const value = stanza.get(field);
        return value === undefined ? [] : [`${field}: ${value}\n`];
      });
      return `Status: install ok installed\nMaintainer: none\nDescription: none\n${lines.join('')}\n`;
    });
    await writeFile(join(this.#directory, 'status'), text.join(''));
  }

  get #configuration(): string {
    return join(this.#directory, 'apt.conf');
  }

  #run(program: string, args: readonly string[]) {
    return runTool({ program, args, env: { APT_CONFIG: this.#configuration } });
  }
}

const relations = ['Depends', 'Pre-Depends', 'Conflicts', 'Breaks', 'Replaces', 'Provides'];

/** Names worth comparing letter by letter: an archive has 60,000. */
function nearNames(wanted: string, names: readonly string[]): string[] {
  const start = wanted.slice(0, 2);
  const close = names.filter((name) => name.startsWith(start) || name.includes(wanted));
  return close.length > 0 ? close : names.filter((name) => name.startsWith(wanted.slice(0, 1)));
}

function lockedOf(stanza: Stanza): LockedPackage {
  return {
    name: stanza.get('Package') ?? '',
    version: stanza.get('Version') ?? '',
    architecture: stanza.get('Architecture') ?? '',
    path: (stanza.get('Filename') ?? '').replace(/^\.\//, ''),
    sha256: stanza.get('SHA256') ?? '',
    size: Number(stanza.get('Size')),
  };
}

function sourcesOf({ archives, architecture, components, keyring }: BasePlatform): string {
  return archives
    .map(({ mirror, suite }) => {
      return `deb [arch=${architecture} signed-by=${keyring}] ${mirror} ${suite} ${components.join(' ')}\n`;
    })
    .join('');
}

/** Nothing of the host's configuration: neither its sources, nor its keys, nor its preferences. */
function aptConfiguration(directory: string, architecture: string): string {
  return [
    `Dir "${directory}";`,
    `Dir::State "${directory}/state";`,
    `Dir::State::status "${directory}/status";`,
    `Dir::Cache "${directory}/cache";`,
    `Dir::Etc "${directory}/etc";`,
    `Dir::Etc::sourcelist "${directory}/sources.list";`,
    'Dir::Etc::sourceparts "-";',
    'Dir::Etc::main "-";',
    'Dir::Etc::trusted "/dev/null";',
    'Dir::Etc::trustedparts "/dev/null";',
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    'APT::Install-Recommends "false";',
    'APT::Get::Assume-Yes "true";',
    'APT::Update::Error-Mode "any";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Debug::NoLocking "true";',
    // apt counts itself as essential otherwise.
    'pkgCacheGen::ForceEssential ",";',
    '',
  ].join('\n');
}
