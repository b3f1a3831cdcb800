import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { adviseOnEntrypoint } from '../../../../shared/extension/read.ts';
import { changed, manifestText } from '../../extension/examples.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-extension-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const entry = new URL('../../../../bin/gantry', import.meta.url).pathname;

/** Runs the command beside this process, so that a server here can respond. */
async function validate(...args: string[]) {
  const child = spawn(entry, ['extension', 'validate', ...args], { cwd: scratch });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const status = await new Promise((done) => child.on('close', done));
  return { status, stdout, stderr };
}

function write(directory: string, files: Record<string, string>): string {
  const path = join(scratch, directory);
  mkdirSync(path, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return directory;
}

describe('gantry extension validate', () => {
  test('a directory needs its entrypoint', async () => {
    const whole = { 'manifest.yml': manifestText, 'tape.py': '#!/usr/bin/python3\n' };
    expect(await validate(write('whole', whole))).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^whole\/manifest.yml is valid\ntree sha256:[0-9a-f]{64}\n$/),
      stderr: '',
    });

    const alone = await validate(write('alone', { 'manifest.yaml': manifestText }));
    expect(alone).toMatchObject({ status: 1 });
    expect(alone.stdout).toContain('alone/manifest.yaml spec.entrypoint.path expected a file at');
  });

  test('a file is checked alone, and --json has the manifest with its defaults', async () => {
    write('.', { 'bad.yaml': changed('1.2.0', 'banana'), 'good.yaml': manifestText });
    const bad = await validate('bad.yaml', '--json');
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      valid: false,
      errors: [{ line: 7, column: 12, path: 'metadata.version' }],
      warnings: [],
      manifest: null,
    });

    const good = await validate('good.yaml', '--json');
    expect(good.status).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({
      valid: true,
      errors: [],
      manifest: { metadata: { name: 'tape-backup' }, customActions: [{ enabled: true }] },
    });
  });

  test('what cannot be read exits with 2: two manifests, none, an empty link', async () => {
    const twice = write('twice', { 'manifest.yaml': manifestText, 'manifest.yml': manifestText });
    expect(await validate(twice)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('(manifest_ambiguous)'),
    });
    expect(await validate('nowhere')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('(io_error)'),
    });
  });

  test('a link is fetched: its manifest, or an error that names the link', async () => {
    const server = createServer(({ url }, response) => {
      if (url === '/manifest.yaml') response.end(manifestText);
      else response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    try {
      expect(await validate(`${origin}/manifest.yaml`)).toMatchObject({ status: 0 });
      expect(await validate(`${origin}/other.yaml`)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(`${origin}/other.yaml, found status 404`),
      });
    } finally {
      server.close();
    }
  });

  test('another folder is allowed by --root', async () => {
    const text = changed('/usr/share/cloudstack-management/extensions/', '/opt/ext/');
    write('.', { 'opt.yaml': text });
    expect(await validate('opt.yaml')).toMatchObject({ status: 1 });
    expect(await validate('opt.yaml', '--root', '/opt/ext/')).toMatchObject({ status: 0 });
  });
});

test.each([
  ['#!/bin/sh\n', undefined],
  ['\x7fELF\x02', undefined],
  ['#!/bin/sh\r\n', /carriage return/],
  ['print("hi")\n', /names no interpreter/],
  ['', /names no interpreter/],
])('an entrypoint that begins with %j', (start, advice) => {
  const found = adviseOnEntrypoint(Buffer.from(start, 'latin1'));
  expect(found).toEqual(advice === undefined ? [] : [expect.stringMatching(advice)]);
});
