import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type IConfiguration, type ICruiseResult } from 'dependency-cruiser';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/local-cloud.ts';

const configuration: IConfiguration = createRequire(import.meta.url)(
  '../../.dependency-cruiser.cjs',
);
const folders = ['agent', 'bench', 'cli', 'functions', 'infra', 'scripts', 'shared', 'test'];

async function cruiseIn(baseDir: string): Promise<ICruiseResult> {
  const { options, ...ruleSet } = configuration;
  const present = folders.filter((folder) => existsSync(join(baseDir, folder)));
  const { output } = await cruise(present, { ...options, baseDir, ruleSet, validate: true });
  if (typeof output === 'string') throw new Error('expected the result of a cruise, found text');

  return output;
}

const violationsOf = ({ summary }: ICruiseResult) =>
  summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);

test('dependencies point one way, without cycles', async () => {
  const output = await cruiseIn(projectRoot);

  expect(violationsOf(output)).toEqual([]);
  // A parser that knows no TypeScript would find nothing wrong with nothing.
  expect(output.modules.filter((module) => module.source.endsWith('.ts')).length).toBeGreaterThan(
    50,
  );
});

/** Imports of a made-up project, each with the rule that it breaks. */
const forbidden: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['base-is-the-ground', 'shared/base/a.ts', 'shared/domain/poll/index.ts'],
  ['base-uses-only-these', 'shared/base/b.ts', '@aws-sdk/client-s3'],
  ['domain-uses-only-these', 'shared/domain/poll/a.ts', 'node:fs'],
  ['domain-uses-only-these', 'shared/domain/poll/b.ts', 'node:http'],
  ['domain-uses-only-these', 'shared/domain/poll/c.ts', 'undici'],
  ['contract-uses-only-these', 'shared/contract/poll/a.ts', 'node:fs/promises'],
  ['manifest-uses-only-these', 'shared/manifest/a.ts', 'node:fs'],
  ['manifest-uses-only-these', 'shared/manifest/b.ts', 'undici'],
  ['composition-uses-only-these', 'shared/composition/a.ts', '@aws-sdk/client-s3'],
  ['manifest-is-pure', 'shared/manifest/c.ts', 'shared/store/objects.ts'],
  ['what-runs-elsewhere-knows-no-aws', 'agent/fetch/a.ts', '@aws-sdk/client-s3'],
  ['what-runs-elsewhere-knows-no-aws', 'cli/commands/a.ts', '@aws-sdk/client-s3'],
  ['layers-have-areas-only', 'shared/actions/poll/a.ts', 'shared/actions/bridge.ts'],
  ['layers-have-areas-only', 'shared/store/poll/a.ts', 'shared/store/bridge.ts'],
  ['layers-have-areas-only', 'functions/poll/a.ts', 'functions/bridge.ts'],
  ['actions-is-entered-by-area', 'shared/actions/bridge.ts', 'shared/actions/poll/deep.ts'],
  ['store-is-entered-by-area', 'shared/store/objects.ts', 'shared/store/poll/deep.ts'],
  ['actions-areas-have-walls', 'shared/actions/verify/a.ts', 'shared/actions/context/deep.ts'],
  ['ingest-never-points-back', 'shared/actions/ingest/a.ts', 'shared/actions/poll/index.ts'],
  // By way of an area outside the flow.
  [
    'reconcile-never-points-back',
    'shared/actions/reconcile/a.ts',
    'shared/actions/reverify/index.ts',
  ],
  ['stages-do-not-know-each-other', 'functions/poll/b.ts', 'functions/verify/handler.ts'],
  ['stages-act-through-actions', 'functions/poll/c.ts', 'shared/store/poll/index.ts'],
  ['agent-fetch-never-points-ahead', 'agent/fetch/b.ts', 'agent/apply/a.ts'],
  ['agent-steps-know-ground-files-only', 'agent/fetch/c.ts', 'agent/bridge.ts'],
  ['agent-steps-know-ground-files-only', 'agent/fetch/d.ts', 'agent/tick.ts'],
];

/** Imports beside those above that a case needs, and none of which is an error by itself. */
const allowed: readonly (readonly [from: string, to: string])[] = [
  ['shared/actions/reverify/index.ts', 'shared/actions/operations/index.ts'],
  ['shared/domain/poll/d.ts', 'node:util'],
  ['shared/domain/poll/e.ts', 'zod'],
  ['agent/apply/b.ts', 'agent/files.ts'],
];

/** Writes a file for each import, and the files and packages that they name. */
async function writeProject(root: string): Promise<void> {
  const imports = [...forbidden.map(([, from, to]) => [from, to] as const), ...allowed];
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };

  for (const [, to] of imports) {
    if (to.endsWith('.ts')) await write(to, 'export {};\n');
    else if (!to.startsWith('node:')) {
      await write(`node_modules/${to}/package.json`, '{"main":"index.js"}');
      await write(`node_modules/${to}/index.js`, '');
    }
  }

  for (const [from, to] of imports) {
    const up = '../'.repeat(from.split('/').length - 1);
    await write(from, `import '${to.endsWith('.ts') ? `${up}${to}` : to}';\n`);
  }
}

test('every wall stops an import that it forbids, and no other', async () => {
  const root = await mkdtemp(join(tmpdir(), 'gantry-walls-'));
  try {
    await writeProject(root);
    const found = violationsOf(await cruiseIn(root));
    const missing = forbidden.filter(
      ([rule, from]) => !found.some((line) => line.startsWith(`${rule}: ${from} → `)),
    );
    expect(missing).toEqual([]);
    expect(found.filter((line) => allowed.some(([from]) => line.includes(`: ${from} → `)))).toEqual(
      [],
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
