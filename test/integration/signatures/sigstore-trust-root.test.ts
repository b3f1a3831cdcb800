import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import {
  publicTrustRoot,
  refreshTrustRoot,
  trustRootDaysLeft,
} from '../../../shared/actions/signatures/index.ts';
import { shippedTrust } from '../../../shared/signature/index.ts';
import { etagOf, getBytes, objectKeys, replaceLatest } from '../../../shared/store/objects.ts';
import { TufRepository } from '../../support/tuf-repository.ts';

const [first, second] = [{ name: 'first' }, { name: 'second' }];

const repository = new TufRepository();
const { anchor } = repository;
let services: Services;
beforeAll(async () => {
  await repository.start();
  const started = servicesFromEnvironment();

  const settings = {
    ...started.settings,
    trustRootMirror: repository.mirror,
    allowedPrivateHosts: ['127.0.0.1'],
  };

  services = { ...started, settings };
});
afterAll(() => repository.stop());

const root = async () => (await publicTrustRoot(services, anchor)).root;

test('the stored trust root starts as the shipped copy, follows its repository, and never goes back', async () => {
  // Without a network, and before the first refresh.
  const unreachable = {
    ...services,
    settings: { ...services.settings, trustRootMirror: 'http://127.0.0.1:1' },
  };
  await expect(refreshTrustRoot(unreachable, anchor)).rejects.toMatchObject({
    code: 'trust_root_unreachable',
  });

  const shipped = await publicTrustRoot(services, anchor);
  expect(shipped).toMatchObject({ root: shippedTrust().trustedRoot, fresh_until: null });
  expect(trustRootDaysLeft(shipped, new Date())).toBe(0);

  repository.publish(first);
  expect(await refreshTrustRoot(services, anchor)).toMatchObject({ changed: true });
  expect(await root()).toEqual(first);
  expect(await refreshTrustRoot(services, anchor)).toMatchObject({ changed: false });
  expect(trustRootDaysLeft(await publicTrustRoot(services, anchor), new Date())).toBeGreaterThan(6);

  const older = new Map(repository.files);
  repository.rotate();
  repository.publish(second);
  expect(await refreshTrustRoot(services, anchor)).toMatchObject({ changed: true });
  expect(await root()).toEqual(second);

  // Rolled back, then frozen, then gone: what is stored stays.
  const newer = repository.files;
  repository.files = new Map([...newer, ['timestamp.json', older.get('timestamp.json') ?? '']]);
  await expect(refreshTrustRoot(services, anchor)).rejects.toMatchObject({
    code: 'trust_root_refused',
  });
  repository.files = newer;
  repository.publish(first, { timestamp: -1 });
  await expect(refreshTrustRoot(services, anchor)).rejects.toMatchObject({
    code: 'trust_root_refused',
  });
  await expect(refreshTrustRoot(unreachable, anchor)).rejects.toMatchObject({
    code: 'trust_root_unreachable',
  });
  expect(await root()).toEqual(second);
});

test('a private address is contacted only if an operator allowed the host', async () => {
  const guarded = { ...services, settings: { ...services.settings, allowedPrivateHosts: [] } };
  await expect(refreshTrustRoot(guarded, anchor)).rejects.toMatchObject({
    code: 'trust_root_unreachable',
    message: expect.stringContaining('expected a host of the public internet'),
  });
});

test('what somebody else put in its place is passed over for the shipped copy, and replaced by the next refresh', async () => {
  const key = objectKeys.publicTrustRoot();
  const put = async (body: string) =>
    replaceLatest(
      services.objects,
      { key, body, type: 'application/json' },
      await etagOf(services.objects, key),
    );
  const state = JSON.parse(Buffer.from(await getBytes(services.objects, key)).toString('utf8'));

  for (const forged of ['{', JSON.stringify({ ...state, trusted_root: '{"name":"forged"}' })]) {
    await put(forged);
    expect(await root()).toEqual(shippedTrust().trustedRoot);
  }

  repository.publish(second);
  await refreshTrustRoot(services, anchor);
  expect(await root()).toEqual(second);
});

test('of two concurrent refreshes at most one fails, and both leave one state', async () => {
  repository.publish(first);
  const outcomes = await Promise.allSettled([
    refreshTrustRoot(services, anchor),
    refreshTrustRoot(services, anchor),
  ]);
  const refused = outcomes.filter(({ status }) => status === 'rejected');

  expect(refused.length).toBeLessThanOrEqual(1);
  for (const { reason } of refused as PromiseRejectedResult[])
    expect(reason).toMatchObject({ code: 'conflict' });
  expect(await root()).toEqual(first);
});
