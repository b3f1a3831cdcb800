import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGantry } from '../../../support/gantry.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-key-'));
});
afterAll(() => rm(directory, { recursive: true }));

const makeKey = (file: string, password: string | undefined) =>
  runGantry(['trust', 'root', 'make-key', file], {
    cwd: directory,
    env: { COSIGN_PASSWORD: password },
  });

const read = (file: string) => readFile(join(directory, file), 'utf8');

describe('gantry trust root make-key', () => {
  it('encrypts the key with the password', async () => {
    const { stdout } = await makeKey('alice.pem', 'swordfish');
    expect(stdout).toMatch(/^created alice\.pem, key [0-9a-f]{64}\n$/);
    expect(await read('alice.pem')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(await read('alice.pem.pub')).toContain('BEGIN PUBLIC KEY');
  });

  it('says that a key with an empty password is not encrypted', async () => {
    expect((await makeKey('bob.pem', '')).stdout).toContain('; the file is not encrypted');
    expect(await read('bob.pem')).toContain('BEGIN PRIVATE KEY');
  });

  it('writes no key where there is neither a password nor a terminal', async () => {
    const { code, stderr } = await makeKey('carol.pem', undefined);
    expect(code).toBe(2);
    expect(stderr).toContain('in COSIGN_PASSWORD (empty for none)');
    await expect(read('carol.pem')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
