import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { enroll } from '../../../agent/enroll.ts';
import { runOnce } from '../../../agent/run.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule, updateAssignment } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { finalOperationStates } from '../../../shared/domain/operations/index.ts';
import { getInstance } from '../../../shared/store/machines/index.ts';
import { openApprovals, recentOperations } from '../../../shared/store/operations/index.ts';
import { runGantry } from '../../support/gantry.ts';
import { raise, stateOf, versionNow } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type Person, type World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
const page = new URL('../../../docs/runbooks/stolen-key.md', import.meta.url);
const [stolen, fresh] = [authorKey(), authorKey()];

interface Command {
  /** Of the section, such as "Replace the key". */
  step: string;
  as: 'operator' | 'reviewer';
  line: string;
  /** It ends with exit code 3. */
  waits: boolean;
}

/** The commands of the runbook, in order. */
async function commandsOf(file: URL): Promise<Command[]> {
  const text = await readFile(file, 'utf8');
  return text.split(/^## \d+\. /m).flatMap((section) => {
    const step = section.split('\n', 1)[0] ?? '';
    return [...section.matchAll(/^```sh( reviewer)?\n([\s\S]*?)^```$/gm)].flatMap(
      ([, reviewer, block = '']) =>
        block
          .trim()
          .split('\n')
          .map((written) => ({
            step,
            as: reviewer === undefined ? ('operator' as const) : ('reviewer' as const),
            line: written.replace(/ +#.*$/, ''),
            waits: written.endsWith('# waits for a reviewer'),
          })),
    );
  });
}

interface Machine {
  id: string;
  dir: string;
}

/** A machine of a template with one module, which runs it. */
async function machineOf(world: World, template: string, module: string) {
  const { services, caller, account, directory } = world;
  const { id } = await createTemplate(services, caller, { name: template, platform: 'any' });
  const added = await assignModule(services, caller, { template_id: id, module });
  expect(await world.operation(added.operation.id)).toMatchObject({ state: 'succeeded' });

  const name = `${template}-1`;
  const made = await createInstance(services, caller, { name, template_id: id });
  const machine = { id: made.instance.id, dir: join(directory, name) };

  await signedWith(world, machine, account, module);
  await enroll({ token: made.join_token, dir: machine.dir });
  expect((await runOnce(machine)).report).toMatchObject({ status: 'applied', code: null });
  return { ...machine, assignment: added.assignment_id };
}

function signedWith(world: World, { id }: Machine, account: string, module: string) {
  return eventually(`a desired state with ${module}`, async () => {
    const instance = await getInstance(world.services.db, account, id);
    const ready = instance?.desired_hash && Object.hasOwn(instance.desired_modules, module);
    return ready ? instance : null;
  });
}

const content = ({ dir }: Machine) => readFile(join(dir, 'current/etc/my-redis'), 'utf8');

/** Runs a command line of the page as it stands there, with the names of this world. */
async function run(
  world: World,
  { as, line, waits }: Command,
  people: Record<Command['as'], Person>,
): Promise<void> {
  const pending = (await openApprovals(world.services.db, world.account)).find(
    ({ state }) => state === 'pending',
  );
  const words = [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
  const named = words.map((word) =>
    word
      .replace('registry.example/acme/my-redis', world.repository('my-redis'))
      .replace('<id>', pending?.id ?? 'none'),
  );

  // At a terminal it asks before a retirement.
  const confirmed = line.includes('--to retired') ? ['--yes'] : [];
  const ended = await runGantry([...named.slice(1), ...confirmed], {
    cwd: join(world.directory, 'clone'),
    env: {
      GANTRY_URL: publicUrl,
      GANTRY_TOKEN: people[as].token,
      XDG_CONFIG_HOME: world.directory,
    },
  });
  expect([line, ended.code, ended.stderr]).toEqual([line, waits ? 3 : 0, '']);
}

it('the drill of the runbook goes through, for machines that have the module and those that depend on it', async ({
  world,
}) => {
  const { services, caller, account, directory } = world;
  const rita = await world.reviewer();
  const people = { operator: await world.member('author', 'operator'), reviewer: rita };

  await world.register('my-redis', stolen);
  const source = (text: string) => ({ name: 'my-redis', files: { 'etc/my-redis': text } });
  const first = await world.ingest(source('the first'), 'v0.1.0', stolen);
  await raise(world, first, 'live', rita);
  const bad = await world.ingest(source('the second'), 'v0.1.1', stolen);
  await raise(world, bad, 'live', rita);

  await world.register('site', stolen);
  const manifest = `dependencies: {requires: ["${account}/my-redis@*"]}`;
  const site = { name: 'site', files: { 'etc/site': 'x' }, manifest };
  await raise(world, await world.ingest(site, 'v1.0.0', stolen), 'live', rita);

  const cache = await machineOf(world, 'cache', 'my-redis');
  const web = await machineOf(world, 'web', 'site');
  for (const one of [cache, web]) expect(await content(one)).toBe('the second');

  const clone = join(directory, 'clone');
  await mkdir(join(clone, 'rootfs/etc'), { recursive: true });
  await writeFile(join(clone, 'rootfs/etc/my-redis'), 'the fix');
  await writeFile(join(clone, 'new.pub'), fresh.publicPem);
  await writeFile(join(clone, 'new.key'), fresh.private.export({ type: 'pkcs8', format: 'pem' }));
  const described = ['schema_version: 1', 'name: my-redis', 'file_spec: ["/**"]'];
  await writeFile(join(clone, 'manifest.yaml'), described.join('\n'));

  /** What has come true, and what is tried besides, before the first command of a step. */
  const before: Record<string, () => Promise<void>> = {
    'Know what stands still': async () => {
      for (const version of [first, bad]) {
        await eventually('the verdict', async () => {
          const { reverification } = await versionNow(world, version);
          return reverification?.outcome === 'quarantined' ? true : null;
        });
      }
      // Changes that break nothing go through, although they fix nothing.
      const raised = { id: web.assignment, effective_priority: 95 };
      const changed = await updateAssignment(services, caller, raised);
      expect(await world.operation(changed.id)).toMatchObject({ state: 'succeeded' });
      // The machines keep what they run.
      for (const one of [cache, web]) {
        await runOnce(one);
        expect(await content(one)).toBe('the second');
      }
    },
    'See the machines follow': async () => {
      for (const one of [cache, web]) {
        await eventually('the fix', async () => {
          await runOnce(one);
          return (await content(one)) === 'the fix' ? true : null;
        });
      }
    },
  };

  let step = '';
  for (const command of await commandsOf(page)) {
    if (command.step !== step) await before[command.step]?.();
    step = command.step;
    await run(world, command, people);
    await settled(world);
  }

  expect(Object.keys(before)).toHaveLength(2);
  for (const version of [first, bad]) expect(await stateOf(world, version)).toBe('retired');
});

/** Waits until every operation has ended or waits for a reviewer. */
function settled({ services, account }: World) {
  const still: readonly string[] = [...finalOperationStates, 'awaiting_approval'];
  return eventually('the operations', async () => {
    const all = await recentOperations(services.db, account, 100);
    return all.every(({ state }) => still.includes(state)) ? true : null;
  });
}
