import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram } from './requirements.ts';

/** A package of the test archive. */
export interface TestPackage {
  name: string;
  version?: string;
  /** Further control fields: `Depends`, `Provides`, `Essential` … */
  fields?: Record<string, string>;
  /** Path → content, and its mode where it is not 644. */
  files?: Record<string, string | { content: string; mode: number }>;
  /** `postinst`, `preinst`, `triggers`, `conffiles` … */
  scripts?: Record<string, string>;
}

export const suite = 'bookworm';
/** Suites that have the same packages: of Debian 12 and 13. */
const suites = [suite, 'trixie'];
const architecture = 'amd64';

/** Programs of this machine that dpkg and maintainer scripts use in the tiny system. */
const programs =
  'cat chmod chown cp diff dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride dpkg-trigger env find grep groupadd head id ldconfig ln ls mkdir mv rm sed setcap sleep start-stop-daemon tar touch true update-alternatives useradd'.split(
    ' ',
  );

/**
 * A small signed archive of Debian's shape with an essential system of a few programs, so that
 * mmdebstrap makes a tree in seconds and without a network.
 */
export class DebianArchive {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-archive-'));
  readonly keyring = join(this.directory, 'keyring.gpg');
  readonly #home = join(this.directory, 'gnupg');
  readonly #packages = new Map<string, string>();

  constructor() {
    chmodSync(this.directory, 0o755);
    mkdirSync(this.#home, { mode: 0o700 });
    this.#gpg(['--quick-generate-key', 'archive@example.com', 'ed25519', 'sign', 'never']);
    this.exportKey('archive@example.com', this.keyring);
    this.#addSystem();
  }

  get mirror(): string {
    return `file://${this.directory}`;
  }

  /** Removes the archive, and ends the agent that gpg started for its keys. */
  remove(): void {
    execFileSync('gpgconf', ['--homedir', this.#home, '--kill', 'gpg-agent'], { stdio: 'ignore' });
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Makes a key that signs nothing. @returns its keyring */
  otherKeyring(): string {
    const path = join(this.directory, 'other.gpg');
    if (existsSync(path)) return path;
    this.#gpg(['--quick-generate-key', 'other@example.com', 'ed25519', 'sign', 'never']);
    this.exportKey('other@example.com', path);
    return path;
  }

  exportKey(name: string, path: string): void {
    writeFileSync(path, this.#gpg(['--export', name]));
  }

  /** Adds a package, or another version of it, and signs the index again. */
  add(...packages: TestPackage[]): void {
    for (const one of packages) this.#build(one);
    this.sign();
  }

  /** Takes a version out of the index and the pool, as archives do with old ones. */
  drop(name: string, version = '1.0'): void {
    this.#packages.delete(`${name}_${version}`);
    rmSync(join(this.directory, poolPath(name, version)));
    this.sign();
  }

  sign(): void {
    for (const name of suites) this.#signSuite(name);
  }

  #signSuite(suite: string): void {
    const index = join(this.directory, 'dists', suite, 'main', `binary-${architecture}`);
    mkdirSync(index, { recursive: true });
    const packages = [...this.#packages.values()].join('\n');
    writeFileSync(join(index, 'Packages'), packages);

    const hash = createHash('sha256').update(packages).digest('hex');
    const release = `Origin: test\nSuite: ${suite}\nCodename: ${suite}\nArchitectures: ${architecture}\nComponents: main\nDate: Mon, 06 Jan 2025 10:00:00 UTC\nSHA256:\n ${hash} ${Buffer.byteLength(packages)} main/binary-${architecture}/Packages\n`;
    const path = join(this.directory, 'dists', suite, 'Release');
    writeFileSync(path, release);
    const inRelease = join(this.directory, 'dists', suite, 'InRelease');
    rmSync(inRelease, { force: true });
    this.#gpg(['--clearsign', '--local-user', 'archive@example.com', '--output', inRelease, path]);
  }

  #gpg(args: readonly string[]): Buffer {
    const fixed = ['--homedir', this.#home, '--batch', '--quiet', '--pinentry-mode', 'loopback'];
    return execFileSync('gpg', [...fixed, '--passphrase', '', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  #build({ name, version = '1.0', fields = {}, files = {}, scripts = {} }: TestPackage): void {
    const tree = mkdtempSync(join(this.directory, 'tree-'));
    chmodSync(tree, 0o755);
    for (const [path, file] of Object.entries(files)) {
      const { content, mode } = typeof file === 'string' ? { content: file, mode: 0o644 } : file;
      put(join(tree, path), content, mode);
    }

    this.#pack(tree, { name, version, fields, scripts });
  }

  #pack(tree: string, one: Required<Omit<TestPackage, 'files'>>): void {
    const { name, version } = one;
    const control = {
      Package: name,
      Version: version,
      Architecture: architecture,
      Maintainer: 'Test <test@example.com>',
      Description: `${name} of the tests`,
      ...one.fields,
    };
    const text = Object.entries(control).map(([field, value]) => `${field}: ${value}\n`);
    put(join(tree, 'DEBIAN/control'), text.join(''), 0o644);
    for (const [script, content] of Object.entries(one.scripts)) {
      const isData = script === 'conffiles' || script === 'triggers';
      put(
        join(tree, 'DEBIAN', script),
        isData ? content : `#!/bin/sh\nset -e\n${content}\n`,
        isData ? 0o644 : 0o755,
      );
    }

    const path = poolPath(name, version);
    const deb = join(this.directory, path);
    mkdirSync(dirname(deb), { recursive: true });
    execFileSync('dpkg-deb', ['-Znone', '--root-owner-group', '--build', tree, deb], {
      stdio: 'ignore',
      env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
    });
    rmSync(tree, { recursive: true });

    const bytes = readFileSync(deb);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const place = `Filename: ${path}\nSize: ${bytes.length}\nSHA256: ${digest}\n`;
    this.#packages.set(`${name}_${version}`, text.join('') + place);
  }

  /** The essential system: programs of this machine with the libraries that they load. */
  #addSystem(): void {
    const tree = mkdtempSync(join(this.directory, 'tree-'));
    chmodSync(tree, 0o755);
    const libraries = new Set<string>();

    for (const name of [...programs, 'dash']) {
      const file = realpathSync(findProgram(name) ?? join('/usr/sbin', name));
      copy(file, join(tree, 'usr/bin', name === 'dash' ? 'sh' : name));
      const { stdout } = ldd(file);
      for (const [, library = ''] of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g))
        libraries.add(library);
    }
    for (const library of libraries) copy(realpathSync(library), join(tree, withUsr(library)));

    put(
      join(tree, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
      0o644,
    );
    put(join(tree, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\n', 0o644);
    put(join(tree, 'etc/login.defs'), 'SYS_UID_MAX 999\nUID_MIN 1000\n', 0o644);
    put(join(tree, 'var/lib/dpkg/cmethopt'), 'apt apt\n', 0o644);
    this.#pack(tree, {
      name: 'tiny-system',
      version: '1.0',
      fields: { Essential: 'yes', Priority: 'required', 'Pre-Depends': 'usr-is-merged' },
      scripts: {},
    });
    this.#build({ name: 'usr-is-merged' });
    this.sign();
  }
}

function ldd(file: string): { stdout: string } {
  try {
    return {
      stdout: execFileSync('ldd', [file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    };
  } catch {
    // A static program loads none.
    return { stdout: '' };
  }
}

/** `/lib64/ld-linux.so` → `usr/lib64/ld-linux.so`: the tree has a merged /usr. */
function withUsr(path: string): string {
  return path.startsWith('/usr/') ? path.slice(1) : `usr${path}`;
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

function put(path: string, content: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

function poolPath(name: string, version: string): string {
  return `pool/main/${name.slice(0, 1)}/${name}/${name}_${version.replace(/^[0-9]+:/, '')}_${architecture}.deb`;
}
