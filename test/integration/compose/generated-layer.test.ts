import { expect } from 'vitest';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  decideApproval,
  promoteVersion,
  showApproval,
} from '../../../shared/actions/operations/index.ts';
import { explainTemplatePath, previewChange } from '../../../shared/actions/preview/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { mailsTo } from '../../support/mailbox.ts';
import { as, policy, promote, requirePending } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import {
  authorKey,
  eventually,
  type ModuleSource,
  type Person,
  type World,
} from '../../support/world.ts';

const platform = 'ubuntu-24.04-amd64';
const key = authorKey();

/** A template whose staging track is composed, because an instance follows it. */
async function staged({ services, caller }: World, name: string): Promise<Template> {
  const template = await createTemplate(services, caller, { name, platform });
  await createInstance(services, caller, { name, template_id: template.id, track: 'staging' });
  return template;
}

async function assign({ services, caller }: World, { id: template_id }: Template, module: string) {
  return (await assignModule(services, caller, { template_id, module })).operation;
}

async function built(world: World, source: ModuleSource, tag = 'v1.0.0') {
  if (tag === 'v1.0.0') await world.register(source.name, key);
  return world.ingest(source, tag, key);
}

async function approve(world: World, rita: Person, id: string) {
  const waiting = await world.operation(id, 'awaiting_approval');
  const input = { id: requirePending(waiting), decision: 'approve', comment: null } as const;
  await decideApproval(world.services, as(rita), input);
  return world.operation(id);
}

/** The record of the staging composition that has a version of a module. */
function composedWith(world: World, { id }: Template, module: string, version: string) {
  return eventually(`${module} ${version}`, async () => {
    const pointer = await getComposition(world.services.db, world.account, id, 'staging');
    if (pointer === null) return null;
    const record = await readRecord(world.services, pointer.report_key);
    const isThere = record.layers.some((one) => one.module === module && one.version === version);
    return isThere ? record : null;
  });
}

it('a version that newly needs a privilege waits for reviewers, who read which', async ({
  world,
}) => {
  const rita = await world.reviewer();
  const template = await staged(world, 'probed');
  const release = (tag: string, manifest: string) =>
    built(world, { name: 'prober', files: { 'usr/bin/prober': tag }, manifest }, tag);
  const privileged = 'security: { privileged: true }';

  await promote(world, await release('v1.0.0', ''), 'staging');
  const first = await assign(world, template, 'prober');
  expect((await world.operation(first.id)).state).toBe('succeeded');

  const second = await release('v1.1.0', privileged);
  const { id } = await promoteVersion(world.services, world.caller, {
    id: second.id,
    to: 'staging',
  });
  const waiting = await world.operation(id, 'awaiting_approval');
  expect(waiting.actions).toEqual(['module_promote_to_staging', 'module_assign_privileged']);

  const { review } = await showApproval(world.services, world.account, requirePending(waiting));
  const [, asked] = review.changes;
  const [sentence = ''] = asked?.warnings ?? [];
  expect(asked).toMatchObject({
    kind: 'module_assign_privileged',
    facts: [
      { name: 'module', now: `${world.account}/prober` },
      { name: 'tracks of templates', now: '1' },
    ],
    warnings: [expect.stringContaining('privileged')],
  });
  await eventually(
    'the mail',
    async () => (await mailsTo(rita.email)).join().includes(sentence) || null,
  );

  expect((await approve(world, rita, id)).state).toBe('succeeded');
  const { privileges } = await composedWith(world, template, 'prober', '1.1.0');
  expect(privileges).toMatchObject([{ module: `${world.account}/prober`, sentence }]);

  // Machines give it already, so nobody is asked again.
  const third = await release('v1.2.0', privileged);
  expect((await promote(world, third, 'staging')).state).toBe('succeeded');
  await composedWith(world, template, 'prober', '1.2.0');

  await policy(world, 'module_assign_privileged', { decision: 'deny' });
  const denied = await assign(world, await staged(world, 'other'), 'prober');
  expect(await world.operation(denied.id)).toMatchObject({ code: 'policy_denied' });
  await policy(world, 'module_assign_privileged', {});
});

it('services and users of modules become files of the root, and a clash is refused', async ({
  world,
}) => {
  const { services, account } = world;
  const rita = await world.reviewer();
  const template = await staged(world, 'served');
  const ready = async (source: ModuleSource) => {
    const version = await built(world, source);
    expect((await promote(world, version, 'staging')).state).toBe('succeeded');
  };

  await ready({
    name: 'store',
    files: { 'usr/bin/store': 'store', 'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n' },
    manifest:
      'users: [{ name: store, uid: 700 }]\nservices: [{ name: store, start_command: /usr/bin/store, user: store }]',
  });
  await ready({
    name: 'front',
    files: { 'usr/bin/front': 'front' },
    manifest: `dependencies: { requires: ["${account}/store"] }\nservices: [{ name: front, start_command: "/usr/bin/front --share 50%" }]`,
  });
  await ready({
    name: 'clash',
    files: { 'usr/bin/clash': 'clash' },
    manifest: 'users: [{ name: other, uid: 700 }]',
  });
  const proxied = (command: string) => ({
    name: 'proxy',
    files: { 'usr/lib/systemd/system/proxy.service': `[Service]\nExecStart=${command}\n` },
    manifest: 'services: [{ name: proxy, restart_policy: always }]',
  });
  await ready(proxied('/bin/true'));

  const change = { kind: 'assignment_add', module: 'front' } as const;
  const place = { template_id: template.id, track: 'staging' } as const;
  const { preview } = await previewChange(services, account, { ...place, change });
  expect(preview.services.map(({ unit, what }) => [unit, what])).toEqual([
    ['gantry-front:front.service', 'added'],
    ['gantry-store:store.service', 'added'],
  ]);

  // The database of users in `store` is a privilege.
  const front = await assign(world, template, 'front');
  expect((await approve(world, rita, front.id)).state).toBe('succeeded');
  const first = await composedWith(world, template, 'front', '1.0.0');
  expect(first.services?.map(({ unit, managed, user }) => [unit, managed, user?.uid])).toEqual([
    ['gantry-store:store.service', 'generated', 700],
    ['gantry-front:front.service', 'generated', undefined],
  ]);
  expect(first.services?.[1]?.after).toEqual(['gantry-store:store.service']);

  const path = '/usr/lib/systemd/system/gantry-front:front.service';
  expect(await explainTemplatePath(services, account, { ...place, path })).toMatchObject({
    present: { by: 'generated', mode: 0o644 },
    sentences: [`${path} is generated from the manifests of the modules.`],
  });

  const clash = await assign(world, template, 'clash');
  expect(await world.operation(clash.id)).toMatchObject({
    state: 'failed',
    code: 'user_conflict',
    message: expect.stringContaining('700'),
  });

  // A unit of the module's own is a privilege, and its service a drop-in.
  const proxy = await assign(world, template, 'proxy');
  expect((await approve(world, rita, proxy.id)).actions).toContain('module_assign_privileged');
  const second = await composedWith(world, template, 'proxy', '1.0.0');
  expect(second.privileges).toContainEqual(
    expect.objectContaining({ module: `${account}/proxy`, kind: 'unit_file' }),
  );
  expect(second.services?.find(({ unit }) => unit === 'proxy.service')?.managed).toBe('drop-in');

  // The same unit with another text asks again, and reviewers see that it differs.
  const changed = await built(world, proxied('/bin/false'), 'v1.1.0');
  const { id } = await promoteVersion(services, world.caller, { id: changed.id, to: 'staging' });
  const waiting = await world.operation(id, 'awaiting_approval');
  const { review } = await showApproval(services, account, requirePending(waiting));
  const sentence = 'It ships systemd units of its own: /usr/lib/systemd/system/proxy.service.';
  const facts = review.changes.flatMap((one) => one.facts);
  const [fact] = facts.filter(({ name }) => name === 'unit file');
  expect(fact).toEqual({
    name: 'unit file',
    was: expect.stringContaining(`${sentence} (sha256 `),
    now: expect.stringContaining(`${sentence} (sha256 `),
  });
  expect(fact?.was).not.toBe(fact?.now);
});
