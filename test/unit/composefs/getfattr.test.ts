import { expect, it } from 'vitest';
import { parseGetfattr } from '../../../shared/composefs/getfattr.ts';

it('reads the output of getfattr 2.5, names and values as bytes', () => {
  const output = [
    '# file: gx',
    'user.empty=0s',
    '',
    '# file: gx/b c\\134d',
    'user.a=0seD15',
    'user.k \\075\\012=0sAP8=',
    '',
    '',
  ].join('\n');
  expect([...parseGetfattr(output)]).toEqual([
    ['gx', [{ name: 'user.empty', value: '' }]],
    [
      'gx/b c\\d',
      [
        { name: 'user.a', value: 'x=y' },
        { name: 'user.k =\n', value: '\0\xff' },
      ],
    ],
  ]);
});
