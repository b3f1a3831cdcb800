import { describe, expect, it } from 'vitest';
import { plainFile, type TreeEntry } from '../../../shared/domain/files/index.ts';
import { compareTrees } from '../../../shared/files/index.ts';

const file = (path: string, more: Partial<TreeEntry> = {}): TreeEntry => ({
  path,
  ...plainFile,
  size: 1,
  verity: 'a',
  ...more,
});

describe('the difference of two trees', () => {
  it('is empty for the same tree in another order, and for other times', () => {
    const before = [file('/a'), file('/b')];
    const after = [file('/b', { mtime: 9, offset: 512 }), file('/a', { mtime_ns: 1 })];
    expect(compareTrees(before, after)).toEqual({ added: [], removed: [], changed: [] });
  });

  it('has what is added and removed, by the bytes of the path', () => {
    const { added, removed } = compareTrees([file('/z'), file('/old')], [file('/z'), file('/new')]);
    expect([added, removed].map((list) => list.map(({ path }) => path))).toEqual([
      ['/new'],
      ['/old'],
    ]);
  });

  it.each<[string, Partial<TreeEntry>, string[]]>([
    ['other content', { verity: 'b' }, ['content']],
    ['other small content', { content: 'eA==' }, ['content']],
    ['another size', { size: 2 }, ['content']],
    ['another mode', { mode: 0o4755 }, ['mode']],
    ['another owner', { uid: 33 }, ['owner']],
    ['another group', { gid: 33 }, ['owner']],
    ['other attributes', { xattrs: { 'security.capability': 'AQ==' } }, ['xattrs']],
    ['another type', { type: 'symlink', target: '/x' }, ['type']],
    ['several', { mode: 0o600, gid: 1, verity: 'c' }, ['content', 'mode', 'owner']],
  ])('names the facts of an entry with %s', (_, more, what) => {
    const [before, after] = [file('/a'), file('/a', more)];
    expect(compareTrees([before], [after]).changed).toEqual([{ path: '/a', what, before, after }]);
  });

  it('sees another target of a link, and another device', () => {
    const link = (target: string) => file('/l', { type: 'symlink', target });
    expect(compareTrees([link('/a')], [link('/b')]).changed).toMatchObject([{ what: ['content'] }]);
    const node = (rdev: number) => file('/d', { type: 'character', rdev });
    expect(compareTrees([node(1)], [node(2)]).changed).toMatchObject([{ what: ['content'] }]);
  });
});
