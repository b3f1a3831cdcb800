import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useProxiesOf } from '../cli/program.ts';
import { GantryError } from '../shared/base/error.ts';
import type { CompositionLayer } from '../shared/domain/compose/index.ts';
import { checkBoot } from './examples/boot-root.ts';
import {
  buildExample,
  checkIdTable,
  prepareModules,
  readRootFacts,
} from './examples/build-modules.ts';
import {
  type ComposedRoot,
  composeRoot,
  layOutRoot,
  openStore,
  readLayer,
} from './examples/compose-root.ts';
import { RootShell } from './examples/in-root.ts';
import { rootChecks } from './examples/root-checks.ts';
import { runChecks } from './examples/run-checks.ts';
import { fail, onStopRequest } from './fail.ts';

const project = join(import.meta.dirname, '..');
const say = (line: string) => process.stdout.write(`${line}\n`);

/**
 * Builds six example modules with their packages, composes them into one root, and runs what they
 * ship in it. Packages and locks are kept in `.local/examples`.
 */
async function examples(work: string): Promise<boolean> {
  const shop = {
    names: ['system-base', 'security-hardening', 'chrony', 'nginx', 'my-redis', 'apache'],
    platform: 'debian-12-amd64',
    examples: join(project, 'examples/modules'),
    kept: join(project, '.local/examples'),
    copy: join(work, 'modules'),
  };
  const store = await openStore(work);
  const layers: CompositionLayer[] = [];
  await prepareModules(shop);

  const builds = shop.names.map((name) => ({
    what: `${name} builds with its packages`,
    verify: async () => {
      const { outputs, layer_digest } = await buildExample(shop, name);
      layers.push(await readLayer(outputs.module as string, layer_digest as string, store));
    },
  }));
  const tables = { what: 'ids.yaml has every user', verify: () => checkIdTable(shop) };
  if (!(await runChecks([...builds, tables], say))) return false;

  let composed: ComposedRoot | undefined;
  const [root, booted] = [join(work, 'root'), join(work, 'booted')];
  const laidOut = await runChecks(
    [
      {
        what: 'the modules compose with nothing dropped or warned of',
        verify: async () => {
          composed = await composeRoot(layers, store);
        },
      },
      {
        what: "the agent's copy lays the root out",
        verify: async () => {
          for (const into of [root, booted])
            await layOutRoot(composed as ComposedRoot, store, into);
        },
      },
    ],
    say,
  );
  if (!laidOut) return false;

  const facts = await readRootFacts(shop);
  const boots = {
    what: 'a machine boots from the root, with nginx, Apache, chrony and Redis active',
    verify: () => checkBoot(booted, work),
  };
  return runChecks([...rootChecks(facts, new RootShell(root)), boots], say);
}

/** Kills what runs in namespaces of its own, with all that is mounted and started there. */
function killChildren(): void {
  const { pid } = process;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  for (const child of children.split(' ').filter(Boolean)) process.kill(Number(child), 'SIGKILL');
}

if (process.getuid?.() !== 0) {
  const message = 'expected root, which lays out a root and enters it, found another user';
  fail(new GantryError('prerequisite_missing', message));
}

const work = mkdtempSync(join(tmpdir(), 'gantry-root-'));
// apt's own user reads the packages below it.
chmodSync(work, 0o755);
// The builds have their directories in it, so that nothing is left when this is stopped.
process.env.TMPDIR = work;
const clean = () => rmSync(work, { recursive: true, force: true, maxRetries: 10 });

onStopRequest(async () => {
  process.exitCode = 130;
  killChildren();
  clean();
});

await useProxiesOf(process.env);
await examples(work)
  .then((good) => {
    process.exitCode = good ? 0 : 1;
  })
  .finally(clean)
  .catch(fail);
