import { describe, expect, it } from 'vitest';
import { findLostFiles } from '../../../shared/composition/index.ts';
import type { CompositionReport } from '../../../shared/domain/compose/index.ts';

/** A report of modules with so many files each. */
function report(
  files: Record<string, number>,
  more: Partial<Pick<CompositionReport, 'dropped' | 'shadowed'>> = {},
): CompositionReport {
  const layers = Object.entries(files).map(([name, count]) => ({
    name,
    version: '1.0.0',
    priority: 90,
    files: count,
    effective_mask: [],
  }));
  return { layers, dropped: [], shadowed: [], carved_out: [], warnings: [], ...more };
}

const dropped = (path: string, from: string, because_of: string) => ({ path, from, because_of });
const shadowed = (path: string, from: string, by: string) => ({ path, from, by });

describe('the files of a module that do not reach machines', () => {
  it('are none where it keeps all, and none where it keeps some of the shadowed ones', () => {
    expect(findLostFiles(report({ 'acme/a': 2 }), 'acme/a')).toEqual([]);
    const some = report({ 'acme/a': 2 }, { shadowed: [shadowed('/x', 'acme/a', 'acme/b')] });
    expect(findLostFiles(some, 'acme/a')).toEqual([]);
  });

  it('are those that protection drops, with the cure', () => {
    const found = findLostFiles(
      report({ 'acme/tokyo': 2 }, { dropped: [dropped('/etc/e', 'acme/tokyo', 'acme/exporter')] }),
      'acme/tokyo',
    );
    expect(found).toEqual([
      {
        module: 'acme/tokyo',
        how: 'dropped',
        because_of: 'acme/exporter',
        paths: ['/etc/e'],
        count: 1,
        nothing_left: false,
        message:
          'acme/exporter protects /etc/e, so that of acme/tokyo is dropped; to replace it, make acme/tokyo a config module whose parent is acme/exporter, and write the path in both file_spec and mask of its manifest',
      },
    ]);
  });

  it('are all of them where nothing is left, by whatever they are lost', () => {
    const found = findLostFiles(
      report(
        { 'acme/a': 2 },
        {
          dropped: [dropped('/x', 'acme/a', 'acme/b')],
          shadowed: [shadowed('/y', 'acme/a', 'acme/c')],
        },
      ),
      'acme/a',
    );
    expect(found.map(({ how, nothing_left }) => [how, nothing_left])).toEqual([
      ['dropped', true],
      ['shadowed', true],
    ]);
    expect(found[1]?.message).toMatch(/^nothing of acme\/a reaches machines: acme\/c ranks higher/);
  });

  it('are counted in full where only the first ones are named', () => {
    const paths = Array.from({ length: 9 }, (_, i) => `/etc/${i}`);
    const lost = paths.map((path) => dropped(path, 'acme/a', 'acme/b'));
    expect(findLostFiles(report({ 'acme/a': 10 }, { dropped: lost }), 'acme/a')).toMatchObject([
      { paths: paths.slice(0, 5), count: 9, message: expect.stringContaining('and 4 more') },
    ]);
  });

  it('are none of a module that is not there or has no files', () => {
    const rows = { shadowed: [shadowed('/x', 'acme/a', 'acme/b')] };
    expect(findLostFiles(report({ 'acme/c': 1 }, rows), 'acme/none')).toEqual([]);
    expect(findLostFiles(report({ 'acme/a': 0 }, rows), 'acme/a')).toEqual([]);
  });

  it('are not those of others', () => {
    const lost = report(
      { 'acme/other': 1, 'acme/a': 2 },
      {
        dropped: [dropped('/x', 'acme/a', 'acme/b')],
        shadowed: [shadowed('/y', 'acme/other', 'acme/c'), shadowed('/z', 'acme/other', 'acme/c')],
      },
    );
    expect(findLostFiles(lost, 'acme/a')).toMatchObject([
      { how: 'dropped', paths: ['/x'], nothing_left: false },
    ]);
  });

  it('are those that its own protection drops from itself only once', () => {
    const rows = [dropped('/x', 'acme/a', 'acme/a')];
    expect(findLostFiles(report({ 'acme/a': 2 }, { dropped: rows }), 'acme/a')).toHaveLength(1);
  });

  it('go with those of others that its own protection drops', () => {
    const rows = [dropped('/x', 'acme/old', 'acme/new'), dropped('/y', 'acme/old', 'acme/third')];
    expect(
      findLostFiles(report({ 'acme/new': 1, 'acme/old': 2 }, { dropped: rows }), 'acme/new'),
    ).toMatchObject([
      { module: 'acme/old', because_of: 'acme/new', paths: ['/x'], nothing_left: false },
    ]);
  });
});
