import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  createReadStream,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readModuleTar, verifyModuleTar } from '../../../shared/artifact/index.ts';
import { treeFromDirectory } from '../../../shared/composefs/directory.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { compose, layerName } from '../../../shared/composition/index.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { layer } from './factory.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tar-extraction-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Only root may make devices, give files away and set attributes that are not `user.`. */
const isRoot = process.getuid?.() === 0;
const xattrOptions = ['--xattrs', '--xattrs-include=*'];

/** A module's repository on disk, to be filled with whatever a file system can hold. */
class Stage {
  readonly root: string;
  readonly #directory: string;
  #time = 1_600_000_000;

  constructor(name: string) {
    this.#directory = join(scratch, name);
    this.root = join(this.#directory, 'rootfs');
    mkdirSync(this.root, { recursive: true });
  }

  file(path: string, content: string | Buffer, mode = 0o644): this {
    return this.#make(path, (target) => {
      writeFileSync(target, content);
      chmodSync(target, mode);
    });
  }

  link(path: string, target: string): this {
    return this.#make(path, (at) => symlinkSync(target, at));
  }

  hardLink(path: string, to: string): this {
    return this.#make(path, (at) => linkSync(join(this.root, to), at));
  }

  directory(path: string, mode: number): this {
    return this.#make(path, (target) => {
      mkdirSync(target, { recursive: true });
      chmodSync(target, mode);
    });
  }

  node(path: string, ...what: string[]): this {
    return this.#make(path, (target) => {
      if (isRoot || what[0] === 'p') execFileSync('mknod', [target, ...what]);
      else writeFileSync(target, what.join(' '));
    });
  }

  xattr(path: string, name: string, value: string): this {
    if (isRoot || name.startsWith('user.')) {
      execFileSync('setfattr', ['-h', '-n', name, '-v', value, join(this.root, path)]);
    }
    return this;
  }

  /**
   * The module tar as people make it who have GNU tar only; directories get times of their own
   * first.
   */
  async tar(): Promise<{ path: string; entries: CompositionLayer['entries'] }> {
    const directories = execFileSync('find', [this.root, '-type', 'd', '-print0'], {
      encoding: 'utf8',
    }).split('\0');
    for (const path of directories) if (path !== '') this.#touch(path);
    const { digest } = imageOfTree(treeFromDirectory(this.root));

    writeFileSync(join(this.#directory, 'composefs-digest'), `${digest}\n`);
    writeFileSync(join(this.#directory, 'manifest.json'), '{}');

    const path = join(this.#directory, 'module.tar');
    const members = ['manifest.json', 'composefs-digest', 'rootfs'];

    execFileSync('tar', [
      '--format=pax',
      ...xattrOptions,
      '-cf',
      path,
      '-C',
      this.#directory,
      ...members,
    ]);

    const read = await readModuleTar(createReadStream(path), { allowDevices: true });
    // The tree that was read is the one on disk.
    expect(verifyModuleTar(read).digest).toBe(digest);
    return { path, entries: read.entries };
  }

  #make(path: string, make: (target: string) => void): this {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true });
    make(target);
    this.#touch(target);

    return this;
  }

  #touch(target: string): void {
    this.#time += 1.5;
    lutimesSync(target, this.#time, this.#time);
  }
}

/**
 * Lays a layer's archive over what is there, as tar does it, without what others' protection drops.
 */
function extractOver(target: string, tar: string, mask: readonly string[]): void {
  const excluded = mask.map((path) => `--exclude=rootfs${path}`);
  const options = [
    '--same-owner',
    '--same-permissions',
    '--anchored',
    '--no-wildcards',
    ...excluded,
  ];

  execFileSync('tar', ['-xf', tar, '-C', target, ...xattrOptions, ...options, 'rootfs']);
}

describe('layers that tar extracts over each other, as root where possible,', () => {
  it('are the tree that composing them images: links, devices, attributes and names of every kind', async () => {
    const base = new Stage('base')
      .file('etc/motd', 'base')
      .file('etc/shadow', 'root:*:', 0o600)
      .file('etc/Motd', 'another file, as names are bytes')
      .file('srv/line\nbreak', 'newline')
      .file('srv/ümlaut/日本', 'not ASCII')
      .file('srv/.wh.motd', 'a name that OCI layers would take for a whiteout')
      .file('usr/bin/tool', Buffer.alloc(10_000, 'tool'), 0o4755)
      .hardLink('usr/bin/twin', 'usr/bin/tool')
      .link('lib', 'usr/lib')
      .file('usr/lib/x', 'x')
      .link('etc/replaced', '/etc/motd')
      .directory('srv/empty', 0o1777)
      .node('run/pipe', 'p')
      .node('dev/null', 'c', '1', '3')
      .node('srv/gone', 'c', '0', '0')
      .xattr('etc', 'user.of', 'base')
      .xattr('usr/bin/twin', 'security.capability', '0x0100000200040000000000000000000000000000')
      .xattr('srv/empty', 'trusted.overlay.opaque', 'y');

    const app = new Stage('app')
      .directory('etc', 0o700)
      .file('etc/motd', 'app')
      .file('etc/shadow', 'is dropped')
      .file('etc/replaced', 'a file in the place of a link')
      .file('usr/bin/tool', 'no link any more', 0o755)
      .file('usr/.wh..wh..opq', '')
      .link('srv/line\nbreak', 'a link in the place of a file')
      .node('srv/gone', 'c', '0', '0')
      .xattr('etc', 'user.of', 'app')
      .xattr('etc/motd', 'user.empty', '');

    // Of a directory that is there tar sets attributes, but takes none away; so every layer has the
    // same one on /etc.
    const config = new Stage('config')
      .file('etc/shadow', 'is carved out', 0o640)
      .node('dev/null', 'c', '1', '5')
      .xattr('etc', 'user.of', 'config');
    const stages = [base, app, config];
    const layers: CompositionLayer[] = [];
    const tars: string[] = [];

    for (const [i, stage] of stages.entries()) {
      const { path, entries } = await stage.tar();
      const carves = i === 2 ? ['/etc/shadow'] : [];

      layers.push(
        layer(`acme/m${i}`, 10 * i, [], {
          entries,
          variety: i === 2 ? 'config' : 'subscription',
          parent_module: i === 2 ? 'acme/m0' : null,
          protected_spec: i === 0 ? ['/etc/shadow'] : [],
          file_spec: carves,
          mask: carves,
        }),
      );

      tars.push(path);
    }

    const composition = compose(layers.toReversed());
    expect(composition.report.dropped).toEqual([
      { path: '/etc/shadow', from: 'acme/m1', because_of: 'acme/m0' },
    ]);
    expect(composition.report.carved_out).toHaveLength(1);

    const merged = join(scratch, 'merged');
    mkdirSync(merged);

    for (const [i, tar] of tars.entries()) {
      extractOver(
        merged,
        tar,
        composition.effective_masks.get(layerName(layers[i] as CompositionLayer)) ?? [],
      );
    }

    const onDisk = imageOfTree(treeFromDirectory(join(merged, 'rootfs')));
    expect(composefsImage(composition.entries).digest).toBe(onDisk.digest);
  });
});
