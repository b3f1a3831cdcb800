import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { authorKey, World } from '../../support/world.ts';

describe('a module in a registry', () => {
  let registry: DockerRegistry;
  let world: World;
  const key = authorKey();
  beforeAll(async () => {
    registry = await startDockerRegistry();
    world = await World.create(registry.host);
  });
  afterAll(async () => {
    await world.close();
    await registry.stop();
  });

  it('becomes a built version once it is signed by a trusted key', async () => {
    await world.register('nginx', key);
    const version = await world.ingest(
      { name: 'nginx', files: { 'etc/nginx/nginx.conf': 'worker_processes 1;\n' } },
      'v1.2.3',
      key,
    );
    expect(version).toMatchObject({
      promotion_state: 'built',
      version_string: '1.2.3',
      tags: ['v1.2.3'],
      builds: [{ platform: 'any', entries: 4, composefs_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) }],
    });
    expect(version.signatures).toMatchObject([{ verified: true, code: 'verified' }]);
  });

  it('waits for its signature, and takes a late one', async () => {
    await world.register('late', key);
    const digest = await world.push(await world.build({ name: 'late', files: { 'etc/late': 'x' } }), 'late', 'v0.1.0');
    await world.poll('late');
    const waiting = await world.inState('late', digest, 'awaiting_signature');
    expect(waiting.code).toBe('awaiting_signature');
    await world.sign('late', digest, key);
    await world.poll('late');
    await world.inState('late', digest, 'ingested');
  });

  it('is shown as rejected with the reason when somebody else signed it', async () => {
    await world.register('wrong', key);
    const digest = await world.publish({ name: 'wrong', files: { 'etc/wrong': 'x' } }, 'v0.1.0', authorKey());
    await world.poll('wrong');
    const rejected = await world.inState('wrong', digest, 'rejected');
    expect(rejected.code).toBe('key_mismatch');
    expect(rejected.message).toContain('expected');
    expect(await world.version('wrong', digest)).toBeNull();
  });
});
