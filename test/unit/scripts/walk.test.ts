import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/local-cloud.ts';

const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
const folder = join(projectRoot, 'scripts/walk');
const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));

test('the README shows the headings that npm start prints, and no others', () => {
  const shown = [...readme.matchAll(/^── (.*)$/gm)].map(([, heading]) => heading);
  const printed = sources.flatMap((text) =>
    [...text.matchAll(/walk\.step\('(.*)'\);/g)].map(([, heading]) => heading),
  );

  expect(printed.length).toBeGreaterThan(3);
  expect(shown.toSorted()).toEqual(printed.toSorted());
});

/** Matches what a template literal prints, whatever its values are. */
function patternOf(template: string): RegExp {
  const parts = template
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`);
}

test('the README shows only lines that npm start prints', () => {
  const [, shown = ''] = /^── ([\s\S]*?)^```/m.exec(readme) ?? [];
  const lines = [...shown.matchAll(/^ {3}([^$\s].*)$/gm)].map(([, line = '']) => line);
  const printed = sources.flatMap((text) =>
    [...text.matchAll(/walk\.saw\(\s*(['`])([\s\S]*?)\1,?\s*\)/g)].map(([, , words = '']) =>
      patternOf(words),
    ),
  );

  expect(lines.length).toBeGreaterThan(8);
  expect(lines.filter((line) => !printed.some((pattern) => pattern.test(line)))).toEqual([]);
});
