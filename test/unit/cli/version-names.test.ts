import { expect, it } from 'vitest';
import { makeClient } from '../../../cli/client/client.ts';
import { resolveVersionId } from '../../../cli/client/modules.ts';
import { responses } from '../../../cli/client/response-schemas.ts';
import { sendJson, startHttpServer } from '../../support/http-server.ts';

const at = '2026-01-02T03:04:05.000Z';
const version = {
  id: 'ver_0a1b2c3d4e5f0a1b2c3d4e5f',
  account: 'acme',
  module: 'redis',
  version_string: '1.0.0',
  kind: 'node',
  labels: null,
  digest: `sha256:${'a'.repeat(64)}`,
  composefs_digest: null,
  promotion_state: 'built',
  lifecycle_state: 'draft',
  was_live: false,
  quarantined: false,
  held: false,
  tags: ['v1.0.0', 'v1.0.1'],
  builds: [],
  manifest: {},
  signatures: [],
  effects: [],
  ingested_at: at,
  state_changed_at: at,
};
const page = {
  versions: [version],
  candidates: [],
  moved_tags: [],
  warnings: [],
  next_cursor: null,
};

async function resolve(written: string): Promise<string> {
  const server = await startHttpServer((_, response) => sendJson(response, page));

  try {
    const client = makeClient({ url: `http://${server.host}`, token: 'gantry_t' });
    return await resolveVersionId({ client, responses }, written);
  } finally {
    await server.stop();
  }
}

it.each(['redis@1.0.0', 'redis@v1.0.1', version.id])('%s is a version', async (written) => {
  expect(await resolve(written)).toBe(version.id);
});

it('a number that only a tag has leads to the version of that artifact', async () => {
  await expect(resolve('redis@1.0.1')).rejects.toMatchObject({
    code: 'not_found',
    message:
      'expected a version 1.0.1 of redis, found 1.0.0, which has the tag v1.0.1 too. One artifact is one version: use redis@1.0.0, or change the module and push it again',
  });
});

it('another number leads to the versions that exist', async () => {
  await expect(resolve('redis@9.0.0')).rejects.toMatchObject({
    message: 'expected a version 9.0.0 of redis, found 1.0.0',
  });
});
