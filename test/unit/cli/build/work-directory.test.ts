import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withWorkDirectory } from '../../../../cli/build/packages/work-directory.ts';
import { missing } from '../../../support/requirements.ts';

const prefix = `gantry-build-${process.getuid?.() ?? 0}-`;
const reason = missing('root');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'work-'));
  vi.stubEnv('TMPDIR', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const make = (name: string) => {
  const path = join(directory, `${prefix}${name}`);
  mkdirSync(path);
  return path;
};

describe.skipIf(reason)(`the directory of a build${reason ? ` (${reason})` : ''}`, () => {
  test('goes with the build, as do those of builds that died', async () => {
    const left = make('999999999-1-abcdef');
    const used = await withWorkDirectory(async (work) => {
      expect(existsSync(left)).toBe(false);
      expect(existsSync(work)).toBe(true);
      return work;
    });
    expect(existsSync(used)).toBe(false);
  });

  test('leaves what is a link, and what is another user’s', async () => {
    const target = join(directory, 'target');
    mkdirSync(target);
    const link = join(directory, `${prefix}999999999-1-link`);
    symlinkSync(target, link);
    const foreign = make('999999999-1-foreign');
    chownSync(foreign, 65_534, 65_534);

    await withWorkDirectory(async () => {
      expect(existsSync(link)).toBe(true);
      expect(existsSync(foreign)).toBe(true);
    });
  });
});
