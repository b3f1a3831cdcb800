import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cosignFixtures } from '../../../../scripts/cosign-fixtures.ts';
import { runGantry } from '../../../support/gantry.ts';
import { sendJson, startHttpServer } from '../../../support/http-server.ts';

const key = join(cosignFixtures, 'keys/good.pub');
const digest = `sha256:${'a'.repeat(64)}`;

test('a manifest whose bytes are not its digest is not verified', async () => {
  const server = await startHttpServer((_, response) => sendJson(response, { schemaVersion: 2 }));
  onTestFinished(server.stop);

  const line = ['module', 'verify', `${server.host}/acme/redis@${digest}`, '--key', key];
  const plain = await runGantry([...line, '--no-require-tlog']);
  expect(plain).toMatchObject({ code: 1, stderr: '' });
  expect(plain.stdout).toContain('is not verified: manifest_digest_mismatch: expected a manifest');

  const json = await runGantry([...line, '--no-require-tlog', '--json']);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    verified: false,
    digest,
    code: 'manifest_digest_mismatch',
    signatures: [],
  });
});
