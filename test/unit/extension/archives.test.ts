import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDirectory } from '../../../cli/build/extension-place.ts';
import { readExtensionArchive, readExtensionTree } from '../../../shared/extension/index.ts';
import { missing, type Requirement, requires } from '../../support/requirements.ts';
import { changed, manifestText } from './examples.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-archives-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const read = (name: string) => readExtensionArchive(readFileSync(join(scratch, name)));

beforeAll(() => {
  execFileSync('python3', ['-W', 'ignore', join(import.meta.dirname, 'make-archives.py'), scratch]);
  writeFileSync(join(scratch, 'web-page'), '<!doctype html><title>Sign in</title>');
  writeFileSync(join(scratch, 'empty'), '');
}, 60_000);

const refused: [name: string, code: string, message: RegExp][] = [
  ['zip-up', 'archive_unsafe', /below the root of the archive, found "..\/a"/],
  ['zip-inner-up', 'archive_unsafe', /below the root/],
  ['zip-absolute', 'archive_unsafe', /found "\/etc\/cron.d\/x"/],
  ['zip-drive', 'archive_unsafe', /found "C:\/x"/],
  ['zip-backslash', 'archive_unsafe', /without control characters and/],
  ['zip-newline', 'archive_unsafe', /without control characters/],
  ['zip-twice', 'archive_unsafe', /expected "a" once/],
  ['zip-case', 'archive_unsafe', /more than case, found "Lib" and "lib"/],
  ['zip-unicode', 'archive_unsafe', /more than case/],
  ['zip-file-as-directory', 'archive_unsafe', /a directory at "a", found a file/],
  ['zip-fifo', 'archive_unsafe', /a special file "a"/],
  ['zip-link-out', 'archive_unsafe', /found "..\/..\/etc\/passwd"/],
  ['zip-link-absolute', 'archive_unsafe', /found "\/etc\/passwd"/],
  ['zip-link-nowhere', 'archive_unsafe', /lead to a file or directory/],
  ['zip-link-through-link', 'archive_unsafe', /through no other link/],
  ['zip-below-link', 'archive_unsafe', /a directory at "l"/],
  ['zip-link-to-itself', 'archive_unsafe', /through no other link/],
  ['zip-bomb', 'archive_too_large', /at most 67108864 bytes/],
  ['zip-many', 'archive_too_large', /at most 10000 entries, found 10001/],
  ['zip-long', 'archive_unsafe', /a path of at most/],
  ['zip-lzma', 'archive_invalid', /a zip archive that can be read/],
  ['zip-cut', 'archive_invalid', /a zip archive that can be read/],
  ['tar-up', 'archive_unsafe', /below the root/],
  ['tar-absolute', 'archive_unsafe', /below the root/],
  ['tar-link-out', 'archive_unsafe', /found "..\/..\/x"/],
  ['tar-hard-link-out', 'archive_unsafe', /a hard link to a file before it/],
  ['tar-device', 'archive_unsafe', /a special file "a"/],
  ['tar-fifo', 'archive_unsafe', /a special file "a"/],
  ['tar-case', 'archive_unsafe', /more than case/],
  ['tar-bomb', 'archive_too_large', /at most 67108864 bytes/],
  ['tar-many', 'archive_too_large', /at most 10000 entries/],
  ['tar-cut', 'archive_invalid', /a gzip archive that can be read/],
  ['tar-bz2', 'archive_invalid', /\.zip or \.tar\.gz, found a file that begins with "BZh/],
  ['tar-plain', 'archive_invalid', /\.zip or \.tar\.gz/],
  ['web-page', 'archive_invalid', /found a web page/],
  ['empty', 'archive_invalid', /\.zip or \.tar\.gz/],
];

describe('an archive that is hostile or cannot be read', () => {
  test.each(refused)('%s is refused with %s', async (name, code, message) => {
    await expect(read(name)).rejects.toThrow(expect.objectContaining({ code }));
    await expect(read(name)).rejects.toThrow(message);
  });
});

describe('a tree', () => {
  test('loses the only top-level directory, and keeps what may be run', async () => {
    const { entries } = await read('zip-top');
    expect(entries).toEqual([
      { path: 'manifest.yaml', kind: 'file', executable: false, bytes: Buffer.from('x') },
      { path: 'run', kind: 'file', executable: true, bytes: Buffer.from('y') },
    ]);
    expect((await read('zip-two-tops')).entries.map(({ path }) => path)).toEqual(['a/x', 'b/x']);
    expect((await read('tar-gnu')).entries.map(({ path }) => path)).toEqual(['n'.repeat(200)]);
  });

  test('has links inside it, and hard links as files', async () => {
    const { entries } = await read('zip-link');
    expect(entries).toContainEqual({ path: 'run', kind: 'link', target: 'bin/run' });
    const linked = await read('tar-hard-link');
    expect(linked.entries.map(({ path }) => path)).toEqual(['a', 'b']);
    expect(linked.entries).toMatchObject([
      { bytes: Buffer.from('x') },
      { bytes: Buffer.from('x') },
    ]);
  });
});

describe('one commit', () => {
  const repository = join(scratch, 'repository');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      cwd: repository,
    });

  beforeAll(() => {
    if (missing('git') !== undefined) return;
    mkdirSync(join(repository, 'lib'), { recursive: true });
    writeFileSync(join(repository, 'manifest.yaml'), manifestText);
    writeFileSync(join(repository, 'tape.py'), '#!/usr/bin/python3\nprint("hi")\n');
    chmodSync(join(repository, 'tape.py'), 0o755);
    writeFileSync(join(repository, 'lib/über.py'), 'x = 1\n');
    symlinkSync('lib/über.py', join(repository, 'link.py'));
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'one');
  });

  const pack = (program: string, args: string[]) =>
    execFileSync(program, args, {
      cwd: repository,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });

  /** Archives of the commit as forges make them, and by two archivers from the working tree. */
  const makers: [name: string, needs: Requirement, make: (file: string) => unknown][] = [
    ['zip of GitHub', 'git', (file) => archive('zip', '--prefix=tape-1/', '-o', file)],
    ['flat zip', 'git', (file) => archive('zip', '-o', file)],
    ['tar.gz', 'git', (file) => archive('tar.gz', '--prefix=a b/', '-o', file)],
    ['tar.gz of GNU tar', 'git', (file) => pack('tar', ['--exclude=.git', '-czf', file, '.'])],
    [
      'zip of bsdtar',
      'bsdtar',
      (file) => pack('bsdtar', ['--exclude=.git', '--format=zip', '-cf', file, '.']),
    ],
  ];
  const archive = (form: string, ...args: string[]) =>
    git('archive', `--format=${form}`, ...args, 'HEAD');

  test.for(makers)('has the digest of its directory as %s', async ([, needs, make], context) => {
    requires(context, 'git', needs);
    const file = join(scratch, 'archive');
    rmSync(file, { force: true });
    make(file);
    const [tree, directory] = [
      await readExtensionArchive(readFileSync(file)),
      await readDirectory(repository),
    ];

    expect(tree.entries).toEqual(directory.entries);
    expect(tree.digest).toBe(directory.digest);
    expect(readExtensionTree(tree)).toMatchObject({
      valid: true,
      file: 'manifest.yaml',
      tree_digest: directory.digest,
    });
  });

  test('has another digest after a change of a mode, a byte, a name or a link', async (context) => {
    requires(context, 'git');
    const digests = new Set<string>();
    const note = async () => digests.add((await readDirectory(repository)).digest);
    await note();
    chmodSync(join(repository, 'lib/über.py'), 0o755);
    await note();
    writeFileSync(join(repository, 'lib/über.py'), 'x = 2\n');
    await note();
    writeFileSync(join(repository, 'lib/new.py'), '');
    await note();
    rmSync(join(repository, 'link.py'));
    symlinkSync('lib/new.py', join(repository, 'link.py'));
    await note();
    expect(digests.size).toBe(5);
  });
});

describe('the manifest of a tree', () => {
  const tree = async (files: Record<string, string>) => {
    const directory = mkdtempSync(join(scratch, 'tree-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return readDirectory(directory);
  };

  test('is one of two names at the root', async () => {
    const none = await tree({ 'README.md': '' });
    expect(() => readExtensionTree(none)).toThrow(
      expect.objectContaining({
        code: 'manifest_missing',
        message: 'expected manifest.yaml or manifest.yml at the root, found README.md',
      }),
    );
    const both = await tree({ 'manifest.yaml': manifestText, 'manifest.yml': manifestText });
    expect(() => readExtensionTree(both)).toThrow(
      expect.objectContaining({ code: 'manifest_ambiguous' }),
    );
  });

  test('names an entrypoint that is a file of exactly that path', async () => {
    const other = await tree({ 'manifest.yml': manifestText, 'Tape.py': '#!/bin/sh\n' });
    expect(readExtensionTree(other)).toMatchObject({
      valid: false,
      manifest: null,
      errors: [
        {
          path: 'spec.entrypoint.path',
          message: 'expected a file at tape.py beside the manifest, found Tape.py',
        },
      ],
    });
    const dos = await tree({ 'manifest.yml': manifestText, 'tape.py': '#!/bin/sh\r\n' });
    expect(readExtensionTree(dos)).toMatchObject({
      valid: true,
      warnings: [{ message: expect.stringContaining('carriage return') }],
    });
    const invalid = await tree({ 'manifest.yml': changed('1.2.0', 'x'), 'tape.py': '' });
    expect(readExtensionTree(invalid).errors).toHaveLength(1);
  });
});
