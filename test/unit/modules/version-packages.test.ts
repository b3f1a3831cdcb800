import { expect, it } from 'vitest';
import { diffPackages } from '../../../shared/actions/modules/index.ts';
import type { TreeEntry } from '../../../shared/domain/files/index.ts';
import { storedVersion } from '../../support/stored.ts';
import { idleServices } from '../functions/api/services.ts';

const builtWith = (package_spec: string[], files: readonly TreeEntry[]) => {
  const version = storedVersion('acme', 'redis', '1.0.0', { manifest: { package_spec } });
  const [build] = version.builds;
  if (build === undefined) throw new Error('expected a build');
  return { version, build, files };
};

it('packages are compared by the manifests where a layer has more records than are read', async () => {
  const records = Array.from({ length: 300_000 }, (_, n): TreeEntry => {
    const file = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, mtime_ns: 0 } as const;
    return { ...file, path: `/var/lib/dpkg/status.d/p${n}`, size: 1, offset: n * 1024 };
  });
  const [old, fresh] = [builtWith(['nginx'], records), builtWith(['redis'], records)];

  expect(await diffPackages(idleServices(), old, fresh)).toMatchObject({
    source: 'manifest',
    added: [{ name: 'redis' }],
    removed: [{ name: 'nginx' }],
  });
});
