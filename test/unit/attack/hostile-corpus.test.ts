import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModuleTar } from '../../../shared/artifact/index.ts';
import { treeFromDirectory } from '../../../shared/composefs/directory.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import { composefsImage } from '../../../shared/composefs/index.ts';
import { legalMembers } from '../../support/hostile/legal.ts';
import { corpus, type Outcome } from '../../support/hostile/read-corpus.ts';
import { rawModuleTar } from '../../support/tar-archive.ts';

/**
 * Half of what the function that ingests has (infra/stack.ts): it holds parts of an upload besides.
 */
const rssMiBMax = 880;
/**
 * Far above what the longest takes, as other work may share the machine; far below the function's
 * fifteen minutes.
 */
const msMax = 120_000;

describe('the hostile corpus, read by a separate process,', () => {
  const outcomes = new Map<string, Outcome>();
  beforeAll(() => {
    const program = new URL('../../support/hostile/read-corpus.ts', import.meta.url).pathname;
    const child = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 2 * msMax });

    for (const line of child.stdout.split('\n').filter(Boolean)) {
      const outcome: Outcome = JSON.parse(line);
      outcomes.set(outcome.what, outcome);
    }

    expect(child.stderr).toBe('');
  }, 2 * msMax);

  it('has no two pieces of one name', () => {
    expect(outcomes.size).toBe(corpus.length);
  });

  it.each(corpus.map(([what, expected]) => [what, expected]))('%s: %s', (what, expected) => {
    const outcome = outcomes.get(what as string);
    expect(outcome?.found).toBe(expected);
    expect(outcome?.ms).toBeLessThan(msMax);
    expect(outcome?.rssMiB).toBeLessThan(rssMiBMax);
    // The sentence, and what is shown beside it, are kept in a row and shown to people.
    expect(outcome?.textLength).toBeLessThan(15_000);
  });
});

describe.runIf(process.getuid?.() === 0)(
  'an odd but legal archive (as root: owners and trusted attributes)',
  () => {
    const scratch = mkdtempSync(join(tmpdir(), 'gantry-legal-'));
    afterAll(() => rmSync(scratch, { recursive: true, force: true }));

    it.each(legalMembers.map(([what, members], index) => ({ what, members, index })))(
      'with $what is what GNU tar extracts',
      async ({ members, index }) => {
        const bytes = rawModuleTar(members);
        const path = join(scratch, `${index}.tar`);
        const into = mkdtempSync(join(scratch, 'x-'));

        writeFileSync(path, bytes);
        const options = ['--xattrs', '--xattrs-include=*', '--same-owner', '--numeric-owner', '-p'];

        execFileSync('tar', [...options, '-xf', path, '-C', into], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });

        const { entries } = await readModuleTar(
          (async function* () {
            yield bytes;
          })(),
          { allowDevices: true },
        );

        const extracted = imageOfTree(treeFromDirectory(join(into, 'rootfs')));
        expect(composefsImage(entries).digest).toBe(extracted.digest);
      },
    );
  },
);
