import { execFileSync } from 'node:child_process';
import { linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readModuleTar } from '../../../shared/artifact/index.ts';
import { cureOf } from '../../../shared/base/cures.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import { treeFromDirectory } from '../../../shared/composefs/directory.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { archiveWith, makeModuleFolder, makeSparseFile } from '../../support/archivers.ts';
import { type Requirement, requires } from '../../support/requirements.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-archivers-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function makeFolder(prepare: (folder: string) => void = () => undefined): string {
  const folder = mkdtempSync(join(scratch, 'module-'));
  makeModuleFolder(folder);
  prepare(folder);
  return folder;
}

function read(bytes: Buffer) {
  async function* source() {
    yield bytes;
  }
  return readModuleTar(source(), { allowDevices: false });
}

async function codeOf(bytes: Buffer): Promise<string> {
  try {
    await read(bytes);
    return 'accepted';
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
}

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { stdio: 'ignore' });
const members = 'manifest.json composefs-digest rootfs';

describe('an archive is read as the tree that was archived (report tar-kinds):', () => {
  test.for<[command: string, ...needs: Requirement[]]>([
    [`tar --format=gnu -cf - ${members}`],
    [`tar --format=posix -cf - ${members}`],
    ['tar --format=posix -cf - .'],
    [`tar --format=posix --xattrs --label=module -cf - ${members}`, 'setfattr'],
    [`bsdtar -cf - ${members}`, 'bsdtar', 'setfattr'],
    [`bsdtar --format=pax -cf - ${members}`, 'bsdtar', 'setfattr'],
    [`LC_ALL=C bsdtar --format=pax -cf - ${members}`, 'bsdtar'],
    [`bsdtar --format=gnutar -cf - ${members}`, 'bsdtar'],
  ])('%s', async ([command, ...needs], context) => {
    requires(context, ...needs);
    const folder = makeFolder((at) => {
      if (needs.includes('setfattr'))
        run('setfattr', '-n', 'user.a', '-v', 'b%3D', join(at, 'rootfs', 'usr', 'a'));
    });

    const { entries } = await read(archiveWith(command, folder));

    const archived = imageOfTree(treeFromDirectory(join(folder, 'rootfs')));
    expect(composefsImage(entries).digest).toBe(archived.digest);
  });

  test('git archive (squashfs-tools-ng#45)', async (context) => {
    requires(context, 'git');
    const folder = makeFolder();
    const git = (...args: string[]) => run('git', '-C', folder, ...args);
    git('init', '-q');
    git('add', '-A');
    git('-c', 'user.email=a@example.com', '-c', 'user.name=a', 'commit', '-qm', 'first');

    const { entries } = await read(archiveWith('git archive HEAD', folder));

    expect(entries.map(({ path, type }) => `${path} ${type}`)).toContain('/usr/link-twin symlink');
  });
});

interface Refusal {
  code: ErrorCode;
  needs?: Requirement[];
  prepare?: (folder: string) => void;
  command: string;
  /** The command after its author followed the cure. */
  cured: string;
  /** What of the cure the author followed. */
  cure: string;
}

const inTree = (folder: string, name: string) => join(folder, 'rootfs', 'usr', name);
const withHole = (folder: string) => makeSparseFile(inTree(folder, 'sparse'));
/** The ACL that `setfacl -m u:1000:r` makes: owner, user 1000, group, mask, others. */
const acl =
  '0x0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff';

/** Each refusal of what an archiver writes, and the cure that its author reads. */
const refusals: Refusal[] = [
  {
    code: 'tar_sparse_refused',
    prepare: withHole,
    command: `tar --sparse --format=posix -cf - ${members}`,
    cured: `tar --format=posix -cf - ${members}`,
    cure: 'GNU tar without `--sparse`',
  },
  {
    code: 'tar_sparse_refused',
    needs: ['bsdtar'],
    prepare: withHole,
    command: `bsdtar -cf - ${members}`,
    cured: `bsdtar --no-read-sparse -cf - ${members}`,
    cure: 'bsdtar with `--no-read-sparse`',
  },
  {
    code: 'tar_malformed',
    command: `tar --format=v7 --exclude='*xxx' -cf - ${members}`,
    cured: `tar --format=posix -cf - ${members}`,
    cure: 'GNU tar `--format=posix`',
  },
  {
    code: 'tar_malformed',
    command: `tar --format=gnu --label=module -cf - ${members}`,
    cured: `tar --format=gnu -cf - ${members}`,
    cure: 'without `--label`',
  },
  {
    code: 'tar_malformed',
    needs: ['bsdtar', 'setfattr', 'root'],
    prepare: (at) => run('setfattr', '-n', 'system.posix_acl_access', '-v', acl, inTree(at, 'a')),
    command: `bsdtar -cf - ${members}`,
    cured: `bsdtar --no-acls -cf - ${members}`,
    cure: 'bsdtar `--format=pax --no-acls`',
  },
  {
    code: 'tar_duplicate_entry',
    command: `tar -cf x.tar ${members}; tar -rf x.tar rootfs/usr/a; cat x.tar`,
    cured: `tar -cf x.tar ${members}; cat x.tar`,
    cure: 'Create the archive again instead of appending to it',
  },
  {
    code: 'tar_path_absolute',
    command: `tar -P -cf - $PWD/rootfs`,
    cured: `tar -cf - -C $PWD ${members}`,
    cure: '`tar -C <directory> rootfs`',
  },
  {
    code: 'tar_path_traversal',
    command: `cd rootfs; tar -P -cf - ../manifest.json ../composefs-digest ../rootfs`,
    cured: `tar -cf - -C $PWD ${members}`,
    cure: '`tar -C <directory> rootfs`',
  },
  {
    code: 'tar_missing_parent',
    command: 'find * -type f | tar -cf - -T -',
    cured: 'find * | tar --no-recursion -cf - -T -',
    cure: 'Archive the directories as well as the files',
  },
  {
    code: 'tar_hardlink_invalid',
    prepare: (at) => linkSync(join(at, 'manifest.json'), inTree(at, 'manifest.json')),
    command: `tar -cf - ${members}`,
    cured: `tar --hard-dereference -cf - ${members}`,
    cure: 'GNU tar `--hard-dereference`',
  },
  {
    code: 'tar_hardlink_invalid',
    needs: ['bsdtar', 'rsync'],
    prepare: (at) => linkSync(join(at, 'manifest.json'), inTree(at, 'manifest.json')),
    command: `bsdtar -cf - ${members}`,
    cured: `rsync -a ./ ../copy-of-$(basename $PWD); bsdtar -C ../copy-of-$(basename $PWD) -cf - ${members}`,
    cure: 'a copy made by `rsync -a`',
  },
  {
    code: 'tar_path_not_utf8',
    prepare: (at) => writeFileSync(Buffer.from(`${inTree(at, 'caf')}\xe9`, 'latin1'), ''),
    command: `tar -cf - ${members}`,
    cured: `mv rootfs/usr/caf* rootfs/usr/café; tar -cf - ${members}`,
    cure: 'Rename the file',
  },
  {
    code: 'tar_entry_unexpected',
    prepare: (at) => writeFileSync(join(at, 'README.md'), ''),
    command: 'tar -cf - .',
    cured: `tar -cf - ${members}`,
    cure: 'Name what to archive: `manifest.json composefs-digest rootfs`',
  },
  {
    code: 'tar_entry_type_unsupported',
    command: `tar --format=gnu --listed-incremental=list -cf - ${members}`,
    cured: `tar -cf - ${members}`,
    cure: 'GNU tar without `--listed-incremental`',
  },
  {
    code: 'tar_truncated',
    command: `tar -cf - ${members} | head -c 4096`,
    cured: `tar -cf - ${members}`,
    cure: 'Push again from a complete archive',
  },
];

describe('what is refused is accepted after the cure:', () => {
  test.for(refusals)('$code: $command', async (refusal, context) => {
    const { code, needs = [], prepare, command, cured, cure } = refusal;
    requires(context, ...needs);
    const folder = makeFolder(prepare);

    expect(await codeOf(archiveWith(command, folder))).toBe(code);
    expect(cureOf(code)).toContain(cure);
    expect(await codeOf(archiveWith(cured, folder))).toBe('accepted');
  });
});
