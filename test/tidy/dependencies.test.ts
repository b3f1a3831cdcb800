import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cruise, type IConfiguration } from 'dependency-cruiser';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/local-cloud.ts';

const configuration: IConfiguration = createRequire(import.meta.url)(
  '../../.dependency-cruiser.cjs',
);
const folders = ['agent', 'bench', 'cli', 'functions', 'infra', 'scripts', 'shared', 'test'].filter(
  (folder) => existsSync(join(projectRoot, folder)),
);

test('dependencies point one way, without cycles', async () => {
  const { options, ...ruleSet } = configuration;
  const { output } = await cruise(folders, {
    ...options,
    baseDir: projectRoot,
    ruleSet,
    validate: true,
  });

  if (typeof output === 'string') throw new Error('expected the result of a cruise, found text');

  const violations = output.summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} → ${to}`,
  );
  expect(violations).toEqual([]);
  // A parser that knows no TypeScript would find nothing wrong with nothing.
  expect(output.modules.filter((module) => module.source.endsWith('.ts')).length).toBeGreaterThan(
    50,
  );
});
