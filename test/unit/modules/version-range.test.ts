import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, test } from 'vitest';
import { parseVersionRange } from '../../../shared/domain/modules/index.ts';

describe('parseVersionRange', () => {
  test.each([
    ['~> 1', ['1.0.0', '1.9.9'], ['0.9.0', '2.0.0', '2.0.0-rc.1']],
    ['~>1.2', ['1.2.0', '1.9.0'], ['1.1.9', '2.0.0']],
    ['~> 1.2.3', ['1.2.3', '1.2.9'], ['1.2.2', '1.3.0']],
    ['~> 1.2.3-rc.1', ['1.2.3-rc.1', '1.2.3'], ['1.2.2', '1.3.0']],
    ['~> 10.11.12', ['10.11.12', '10.11.99'], ['10.12.0']],
    ['~> 10.11', ['10.99.0'], ['10.10.9', '11.0.0']],
    ['!= 10.11.12', ['10.11.1'], ['10.11.12']],
    ['!= 1', ['1.0.1'], ['1.0.0']],
    ['>=1.2.3-rc.1 != 1.2.3-rc.2', ['1.2.3-rc.1', '1.2.3'], ['1.2.3-rc.2']],
    [`1.2.3${' '.repeat(251)}`, ['1.2.3'], []],
    ['!= 1.2.3', ['1.2.2', '1.2.4'], ['1.2.3']],
    ['!=1.2', ['1.2.1'], ['1.2.0']],
    ['>= 1, < 2, != 1.5.0', ['1.4.9', '1.5.1'], ['1.5.0', '2.0.0', '0.9.0']],
    ['~> 1.2 != 1.3.0 || 3.x', ['1.2.0', '3.9.0'], ['1.3.0', '2.0.0']],
    ['= 1.2', ['1.2.0', '1.2.9'], ['1.3.0']],
    ['1.2.3', ['1.2.3'], ['1.2.4']],
    ['*', ['0.0.1', '1.0.0+b1'], ['1.0.0-rc.1']],
  ])('%s', (text, allowed, refused) => {
    const range = parseVersionRange(text);
    expect([...allowed, ...refused].filter((version) => range?.allows(version))).toEqual(allowed);
  });

  test.each([
    '',
    ' ',
    'latest',
    '~> new',
    '!=',
    '!= x',
    '!= 1.2.3.4',
    '~> 1.2.3.4',
    '1 || latest',
    '^1.0.0+b1',
    '>=1.0.0 1.0.0+b1',
    '!=1.0.0+b1',
    `1.2.3${' '.repeat(252)}`,
  ])('refuses %j', (text) => {
    expect(parseVersionRange(text)).toBeNull();
  });

  // helm/helm#4838, #8739, #9566, #12852; rancher/fleet#5808: a pin gave another build.
  test.each([
    ['1.0.0+b1', ['1.0.0+b1'], ['1.0.0+b2', '1.0.0+b10', '1.0.0']],
    ['=v1.0.0+b1', ['1.0.0+b1'], ['1.0.0+b2', '1.0.0']],
    ['1.0.0+nosuch', [], ['1.0.0+b1', '1.0.0']],
    ['1.0.0', ['1.0.0'], ['1.0.0+b1']],
    [
      '0.0.0+git.111111111111',
      ['0.0.0+git.111111111111'],
      ['0.0.0+git.222222222222', '0.0.0+git.1111111'],
    ],
    ['1.0.0+b1 || 1.0.0+b2', ['1.0.0+b1', '1.0.0+b2'], ['1.0.0+b3']],
    ['1.0.0 - 1.0.0', ['1.0.0', '1.0.0+b1', '1.0.0+b2'], ['1.0.1']],
  ])('%s pins a version, build metadata and commits included', (text, allowed, refused) => {
    const range = parseVersionRange(text);
    expect([...allowed, ...refused].filter((version) => range?.allows(version))).toEqual(allowed);
  });

  // Masterminds/semver#48, fluxcd/flux2#3600, argoproj-labs/argocd-image-updater#361.
  test.each(['*', '^2', '>=1.0.0-0', '^1 || ^2', '>=2.0.0-rc.1', '2.0.0-rc.1', '~2.0.0-0', 'x'])(
    '%s takes pre-releases as npm does',
    (text) => {
      for (const version of ['1.0.0', '1.1.0-rc.1', '2.0.0-rc.1', '2.0.0'])
        expect([version, parseVersionRange(text)?.allows(version)]).toEqual([
          version,
          semver.satisfies(version, text),
        ]);
    },
  );

  test('npm’s own ranges mean what they mean to npm', () => {
    const number = fc.nat({ max: 3 });
    const version = fc.tuple(number, number, number).map((parts) => parts.join('.'));
    const comparator = fc
      .tuple(fc.constantFrom('', '^', '~', '>=', '<', '='), version)
      .map((parts) => parts.join(''));
    const alternative = fc
      .array(comparator, { minLength: 1, maxLength: 3 })
      .map((all) => all.join(' '));
    const ranges = fc.array(alternative, { minLength: 1, maxLength: 2 });

    fc.assert(
      fc.property(ranges, version, (all, one) => {
        const text = all.join(' || ');
        expect(parseVersionRange(text)?.allows(one)).toBe(semver.satisfies(one, text));
      }),
    );
  });
});
