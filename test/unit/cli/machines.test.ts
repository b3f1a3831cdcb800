import { expect, it } from 'vitest';
import { formatModules } from '../../../cli/output/machines.ts';

it('versions stand beside digests, and those of equal content are one', () => {
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const [heading, redis, other] = formatModules([
    {
      module: 'redis',
      desired: digest('a'),
      running: digest('b'),
      desired_versions: ['1.1.0', '1.0.1'],
      running_versions: ['1.0.0'],
    },
    {
      module: 'other',
      desired: null,
      running: digest('c'),
      desired_versions: [],
      running_versions: [],
    },
  ]).split('\n');

  expect(heading).toMatch(/MODULE +DESIRED +DIGEST +RUNNING +DIGEST +DIFFERS/);
  expect(redis).toMatch(/redis +1\.1\.0 = 1\.0\.1 +sha256:a+ +1\.0\.0 +sha256:b+ +yes/);
  expect(other).toMatch(/other +- +- +- +sha256:c+ +yes/);
});
