import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLocalStack } from '../../../scripts/local-stack.ts';

test('a second start says that the first one runs, not that a port is taken', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-second-start-'));
  await mkdir(join(directory, 'cloud'));
  await writeFile(join(directory, 'cloud', 'lock'), String(process.pid));

  const start = startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress: () => {},
  });
  await expect(start).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(`as process ${process.pid}`),
  });
  await rm(directory, { recursive: true });
});
