import { expect, test } from 'vitest';
import type { Tag } from '../../../shared/domain/poll/index.ts';
import { tagsToLookAt } from '../../../shared/domain/poll/index.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

function tag(name: string, checkedAtMinute: number, more: Partial<Tag> = {}): Tag {
  const row = {
    account: 'acme',
    module: 'redis',
    digest: 'sha256:0',
    moved_to: null,
    gone_at: null,
    revision: 1,
  };
  return { ...row, tag: name, checked_at: at(checkedAtMinute), ...more };
}

test('tags are looked at whose last look is too long ago, the oldest first', () => {
  const known = [tag('fresh', 50), tag('old', 10), tag('older', 5)];
  const listed = new Set(['fresh', 'old', 'older']);
  expect(tagsToLookAt(known, listed, at(30))).toEqual(['older', 'old']);
});

test('a tag that left the list comes first, however lately it was looked at', () => {
  expect(tagsToLookAt([tag('old', 10), tag('left', 59)], new Set(['old']), at(30))).toEqual([
    'left',
    'old',
  ]);
});

test('a truncated list does not mark any tag as gone', () => {
  expect(tagsToLookAt([tag('old', 10), tag('beyond', 59)], null, at(30))).toEqual(['old']);
});

test('a tag that is gone is left alone', () => {
  expect(tagsToLookAt([tag('gone', 10, { gone_at: at(10) })], new Set(), at(30))).toEqual([]);
});

test('in rotation every one of ten thousand tags is looked at within the hour', () => {
  const known = Array.from({ length: 10_000 }, (_, i) => tag(`v1.0.${i}`, 0));
  const listed = new Set(known.map(({ tag }) => tag));

  // As poll does it: once a minute, a sixtieth of all.
  for (let minute = 61; minute <= 120; minute++) {
    const looked = new Set(
      tagsToLookAt(known, listed, at(minute - 60)).slice(0, Math.ceil(known.length / 60)),
    );
    for (const row of known) if (looked.has(row.tag)) row.checked_at = at(minute);
  }

  expect(known.filter(({ checked_at }) => checked_at < at(61))).toEqual([]);
});
