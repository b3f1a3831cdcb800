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
      desired_withheld: null,
      running_withheld: { kind: 'yanked', reason: 'loses writes' },
    },
    {
      module: 'other',
      desired: null,
      running: digest('c'),
      desired_versions: [],
      running_versions: [],
      desired_withheld: null,
      running_withheld: null,
    },
  ]).split('\n');

  expect(heading).toMatch(/MODULE +DESIRED +DIGEST +RUNNING +DIGEST +DIFFERS +WITHHELD/);
  expect(redis).toMatch(
    /redis +1\.1\.0 = 1\.0\.1 +sha256:a+ +1\.0\.0 +sha256:b+ +yes +running yanked: loses writes/,
  );
  expect(other).toMatch(/other +- +- +- +sha256:c+ +yes +-/);
});

it('content that a machine runs as it should is marked once where it is withheld', () => {
  const withheld = { kind: 'held', reason: 'a person rolled back' } as const;
  const digest = `sha256:${'a'.repeat(64)}`;
  const row = {
    module: 'redis',
    desired: digest,
    running: digest,
    desired_versions: ['1.1.0'],
    running_versions: ['1.1.0'],
    desired_withheld: withheld,
    running_withheld: withheld,
  };
  expect(formatModules([row])).toMatch(/no +held: a person rolled back/);
});
