import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildModule } from '../../../cli/build/build-module.ts';
import { mapConcurrently } from '../../../shared/base/concurrency.ts';
import { type DockerRegistry, startDockerRegistry } from '../../docker-registry.ts';
import type { Bench } from '../bench.ts';
import { type Programs, programPath } from '../programs.ts';
import type { Cell, Registry } from './cells.ts';
import type { Signers } from './forms.ts';
import type { Outcome, Platform } from './platform.ts';
import { owner, type Peer, type RegistryName } from './registries.ts';
import { type Delivery, version } from './tools.ts';

/** What a run needs. */
export interface Site {
  bench: Bench;
  programs: Programs;
  signers: Signers;
  platform: Platform;
}

export interface Result {
  cell: Cell;
  outcome: Outcome;
}

/** True if a cell did what is expected of it: nothing, where a limit is known. */
export function isRight({ cell, outcome }: Result): boolean {
  return outcome.built === (cell.limit === undefined);
}

/** Cells that run concurrently. More do not help, because the local cloud has few workers. */
const concurrency = 4;

/**
 * Starts the registries of the cells and takes each cell through the platform: push, sign,
 * register, poll, verify, ingest.
 * @param onResult gets each result as soon as it is there
 */
export async function runMatrix(
  cells: readonly Cell[],
  site: Site,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const source = await startDockerRegistry();
  const peers = await startPeers(cells, site);
  try {
    await logIn(site, peers);
    return await mapConcurrently(cells, concurrency, async (cell) => {
      const outcome = await runCell(cell, site, peers.get(cell.registry.name), source).catch(
        (error: Error) => ({ built: false, found: error.message }),
      );
      const result = { cell, outcome };
      onResult(result);
      return result;
    });
  } finally {
    await source.stop();
    await Promise.all([...peers.values()].map((peer) => peer instanceof Error || peer.stop()));
  }
}

type Peers = ReadonlyMap<RegistryName, Peer | Error>;

/** A registry that does not start fails its cells, and no others. */
async function startPeers(cells: readonly Cell[], { bench, programs }: Site): Promise<Peers> {
  const wanted = new Set<Registry>(cells.map(({ registry }) => registry));
  const started = [...wanted].map(async (registry): Promise<[RegistryName, Peer | Error]> => {
    try {
      const path = programPath(programs, registry.program);
      const directory = join(bench.directory, 'registries', registry.name);
      await mkdir(directory, { recursive: true });
      return [registry.name, await registry.start(path, directory)];
    } catch (error) {
      return [registry.name, error as Error];
    }
  });
  return new Map(await Promise.all(started));
}

async function logIn({ bench, platform }: Site, peers: Peers): Promise<void> {
  const logins = [...peers.values()].flatMap((peer) =>
    peer instanceof Error || peer.login === undefined ? [] : [[peer.host, peer.login] as const],
  );
  await bench.logIn(new Map(logins));
  for (const [host, login] of logins) await platform.logIn(host, login);
}

async function runCell(
  { tool, registry, form }: Cell,
  { bench, signers, platform }: Site,
  peer: Peer | Error | undefined,
  source: DockerRegistry,
): Promise<Outcome> {
  if (peer === undefined || peer instanceof Error)
    return { built: false, found: peer?.message ?? 'expected the registry to run' };

  const module = `${tool.name}-${registry.name}-${form.name}`;
  const directory = join(bench.directory, 'cells', module);
  const repository = `${peer.host}/${owner}/${module}`;
  const delivery: Delivery = {
    module,
    directory,
    ref: `${repository}:v${version}`,
    original: `${source.host}/${owner}/${module}:v${version}`,
    build: () => buildTar(module, directory),
  };
  await mkdir(directory, { recursive: true });

  if (tool.kind === 'copy') {
    await bench.gantry('push', await delivery.build(), delivery.original);
    await form.sign(signers, delivery.original);
    await tool.push(bench, delivery);
  } else {
    await tool.push(bench, delivery);
    await form.sign(signers, delivery.ref);
  }

  await platform.register({
    name: module,
    category: 'userland',
    repository,
    ...(await form.policy(signers)),
  });
  return platform.follow(module);
}

async function buildTar(module: string, parent: string): Promise<string> {
  const directory = join(parent, 'source');
  const etc = join(directory, 'rootfs/etc');
  await mkdir(etc, { recursive: true });
  await writeFile(join(etc, `${module}.conf`), `# of ${module}\n`);
  await writeFile(
    join(directory, 'manifest.yaml'),
    ['schema_version: 1', `name: ${module}`, 'file_spec: ["/**"]'].join('\n'),
  );

  const out = join(parent, 'dist');
  await buildModule({ directory, out, dryRun: false, sourceDateEpoch: '1700000000' });
  return join(out, 'module.tar');
}
