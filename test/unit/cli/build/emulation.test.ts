import { describe, expect, test } from 'vitest';
import {
  type Emulation,
  findEmulationProblem,
  requireArchitecture,
} from '../../../../cli/build/packages/emulation.ts';
import { machineArchitecture } from '../../../../cli/build/packages/platform.ts';

/** An entry as Linux 6.18 shows it. */
const entryOf = (flags: string) =>
  `enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: ${flags}\noffset 0\n`;

const working: Emulation = {
  architecture: 'arm64',
  runs: true,
  mounted: true,
  entry: entryOf('POF'),
};

describe('a machine that emulates another architecture', () => {
  test.each<[string, Partial<Emulation>]>([
    ['with an entry that has the flag F', {}],
    ['with an interpreter that no entry of QEMU names', { entry: undefined }],
    ['in a container that does not see the table', { mounted: false, entry: undefined }],
  ])('%s has no problem', (_, facts) => {
    expect(findEmulationProblem({ ...working, ...facts })).toBeUndefined();
  });

  test.each<[string, Partial<Emulation>, RegExp]>([
    [
      'the table is not mounted',
      { runs: false, mounted: false, entry: undefined },
      /mount -t binfmt_misc .* --enable qemu-aarch64, and keep it mounted/,
    ],
    [
      'nothing is registered',
      { runs: false, entry: undefined },
      /install qemu-user-static and binfmt-support, and run update-binfmts --enable qemu-aarch64$/,
    ],
    ['the entry is disabled', { runs: false, entry: 'disabled\n' }, /found no interpreter/],
    [
      'the interpreter is not in the tree',
      { entry: entryOf('PO') },
      /without the flag F; run echo -1 > \/proc\/sys\/fs\/binfmt_misc\/qemu-aarch64, then/,
    ],
  ])('reads what to do where %s', (_, facts, advice) => {
    expect(findEmulationProblem({ ...working, ...facts })).toMatch(advice);
  });
});

describe('the architecture of a build', () => {
  test('needs nothing where it is that of the machine', async () => {
    await expect(requireArchitecture(machineArchitecture())).resolves.toBeUndefined();
  });

  test('is refused before anything is downloaded, where the machine cannot run it', async () => {
    // No machine runs it, with arch-test or without.
    await expect(requireArchitecture('none')).rejects.toMatchObject({
      code: 'prerequisite_missing',
      message: expect.stringMatching(/arch-test|update-binfmts --enable qemu-none/),
    });
  });
});
