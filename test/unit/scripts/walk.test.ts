import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/local-cloud.ts';

test('the README shows the headings that npm start prints, and no others', () => {
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  const shown = [...readme.matchAll(/^── (.*)$/gm)].map(([, heading]) => heading);

  const folder = join(projectRoot, 'scripts/walk');
  const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const printed = sources.flatMap((text) =>
    [...text.matchAll(/walk\.step\('(.*)'\);/g)].map(([, heading]) => heading),
  );

  expect(printed.length).toBeGreaterThan(3);
  expect(shown.toSorted()).toEqual(printed.toSorted());
});
