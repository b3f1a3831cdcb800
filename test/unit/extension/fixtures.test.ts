import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { validateExtensionManifest } from '../../../shared/extension/index.ts';

const folder = join(import.meta.dirname, '../../fixtures/extension');

const rows = readFileSync(join(folder, 'expected.tsv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t') as [file: string, verdict: string, place: string]);

/** What a row of `expected.tsv` says besides the verdict, where it is no part of a key path. */
const notes: Record<string, (file: string) => void> = {
  'parameters default []': (file) =>
    expect(read(file).manifest?.customActions.map(({ parameters }) => parameters)).toContainEqual(
      [],
    ),
  'passed through': (file) =>
    expect(read(file).manifest?.spec.details).toMatchObject({ key1: { a: 'b' } }),
  'minVersion is the text 4.23': (file) =>
    expect(read(file).manifest?.spec.compatibility.cloudstack.minVersion).toBe('4.23'),
  case: (file) => expect(read(file).warnings[0]?.message).toMatch(/^(\w+) is read as \w+; write /),
};

function read(file: string) {
  return validateExtensionManifest(readFileSync(join(folder, file), 'utf8'));
}

describe('manifests of shared fixtures', () => {
  test('each has a verdict', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
    expect(rows.map(([file]) => file).sort()).toEqual(files.sort());
    expect(rows.length).toBeGreaterThanOrEqual(40);
  });

  test.each(rows)('%s: %s %s', (file, verdict, place = '') => {
    const { valid, errors, warnings } = read(file);
    expect(errors.length > 0 ? 'error' : warnings.length > 0 ? 'warn' : 'ok').toBe(verdict);
    expect(valid).toBe(verdict !== 'error');

    const note = notes[place];
    if (note !== undefined) return note(file);
    if (place === '') return;
    expect([...errors, ...warnings].some(({ path }) => path.endsWith(place))).toBe(true);
  });
});
