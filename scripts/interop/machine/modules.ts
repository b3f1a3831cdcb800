import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuiltModule } from '../../machine/modules.ts';
import type { Walk } from '../../walk/context.ts';

/** What the console shows once the service of Redis works. */
export const redisWorks = /redis-server\.service: active, PONG/;

/** A module whose service says every two seconds how Redis is. */
export function buildWitness(walk: Walk): Promise<BuiltModule> {
  const service = `services:
  - name: witness
    start_command: /usr/libexec/witness
    restart_policy: always
`;
  const program = `#!/bin/sh
while sleep 2; do
  echo "redis-server.service: $(systemctl is-active redis-server.service), $(redis-cli ping)"
done
`;
  return build(walk, { name: 'witness', more: service, path: 'usr/libexec/witness', program });
}

/** A module with which no machine comes up: its PID 1 ends, and so the kernel panics. */
export function buildBrokenInit(walk: Walk): Promise<BuiltModule> {
  const path = 'usr/lib/systemd/systemd';
  return build(walk, { name: 'broken-init', more: '', path, program: '#!/bin/sh\nexit 1\n' });
}

interface Program {
  name: string;
  /** Further lines of the manifest. */
  more: string;
  path: string;
  program: string;
}

/** Builds a module of one program that needs the base system. */
async function build(walk: Walk, { name, more, path, program }: Program): Promise<BuiltModule> {
  const directory = join(walk.directory, name);
  const file = join(directory, 'rootfs', path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, program, { mode: 0o755 });
  await writeFile(join(directory, 'manifest.yaml'), manifest(name) + more);

  const dist = join(directory, 'dist');
  await walk.gantry('module', 'build', directory, '--rootfs-only', '--out', dist);
  return { name, category: 'userland', tag: 'v1.0.0', dist };
}

const manifest = (name: string) => `schema_version: 1
name: ${name}
category: userland
file_spec: ["/usr/***"]
dependencies:
  requires: ["powernode/system-base@^1.0"]
`;
