import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../run.ts';
import type { Bench } from '../bench.ts';
import type { ProgramName } from '../programs.ts';

/** What a tool pushes, and where. */
export interface Delivery {
  /** The module's registered name. */
  module: string;
  /** `<host>/<repository>:<tag>` */
  ref: string;
  /** An empty directory of its own. */
  directory: string;
  /** The signed original in another registry. Only tools that copy read it. */
  original: string;
  /** Makes the module's `module.tar` and returns its path. */
  build: () => Promise<string>;
}

/**
 * `artifact`: the module as an artifact. `image`: a platform module as a container image. `copy`: a
 * signed artifact, with its signatures, from another registry.
 */
type Kind = 'artifact' | 'image' | 'copy';

interface PushTool {
  name: string;
  /** None for Gantry's own command line. */
  programs: ProgramName[];
  kind: Kind;
  what: string;
  push: (bench: Bench, delivery: Delivery) => Promise<unknown>;
}

const artifactType = 'application/vnd.powernode.module.v1';
const layerType = `${artifactType}+tar`;
export const version = '1.0.0';

/** The tools that push, with the command that each runs. */
export const tools = [
  {
    name: 'gantry',
    programs: [],
    kind: 'artifact',
    what: '`gantry module push`',
    push: async ({ gantry }, { build, ref }) => gantry('push', await build(), ref),
  },
  {
    name: 'oras',
    programs: ['oras'],
    kind: 'artifact',
    what: '`oras push`',
    push: async (bench, { build, ref }) =>
      bench.program('oras')(
        ...['push', '--plain-http', '--artifact-type', artifactType, '--disable-path-validation'],
        ...[ref, `${await build()}:${layerType}`],
      ),
  },
  {
    name: 'regctl',
    programs: ['regctl'],
    kind: 'artifact',
    what: '`regctl artifact put`',
    push: async (bench, { build, ref }) =>
      bench.program('regctl')(
        ...[...plainHosts(ref), 'artifact', 'put', '--artifact-type', artifactType],
        ...['--file', await build(), '--file-media-type', layerType, ref],
      ),
  },
  {
    name: 'skopeo',
    programs: ['skopeo', 'oras'],
    kind: 'artifact',
    what: '`skopeo copy` of an OCI layout',
    push: async (bench, delivery) =>
      bench.program('skopeo')(
        ...['--insecure-policy', 'copy', '--dest-tls-verify=false'],
        ...[`oci:${await makeLayout(bench, delivery)}:${version}`, `docker://${delivery.ref}`],
      ),
  },
  {
    name: 'crane',
    programs: ['crane', 'oras'],
    kind: 'artifact',
    what: '`crane push` of an OCI layout',
    push: async (bench, delivery) =>
      bench.program('crane')('push', await makeLayout(bench, delivery), delivery.ref),
  },
  {
    name: 'crane-image',
    programs: ['crane'],
    kind: 'image',
    what: '`crane append` and `crane mutate --label`',
    push: pushByCrane,
  },
  {
    name: 'buildah',
    programs: ['buildah'],
    kind: 'image',
    what: '`buildah build` and `buildah push`',
    push: pushByBuildah,
  },
  {
    name: 'oras-copy',
    programs: ['oras'],
    kind: 'copy',
    what: '`oras copy --recursive`',
    push: (bench, { original, ref }) =>
      bench.program('oras')(
        ...['copy', '--recursive', '--from-plain-http', '--to-plain-http', original, ref],
      ),
  },
  {
    name: 'regctl-copy',
    programs: ['regctl'],
    kind: 'copy',
    what: '`regctl image copy --referrers --digest-tags`',
    push: (bench, { original, ref }) =>
      bench.program('regctl')(
        ...[...plainHosts(original, ref), 'image', 'copy', '--referrers', '--digest-tags'],
        ...[original, ref],
      ),
  },
  {
    name: 'cosign-copy',
    programs: ['cosign'],
    kind: 'copy',
    what: '`cosign copy`',
    push: (bench, { original, ref }) => bench.cosign('copy', original, ref),
  },
] as const satisfies PushTool[];
export type ToolName = (typeof tools)[number]['name'];

function plainHosts(...refs: string[]): string[] {
  return refs.flatMap((ref) => ['--host', `reg=${ref.split('/')[0]},tls=disabled`]);
}

/** An OCI layout of the module, as a build that pushes later leaves it. */
async function makeLayout(bench: Bench, { build, directory }: Delivery): Promise<string> {
  const layout = join(directory, 'layout');
  await bench.program('oras')(
    ...['push', '--oci-layout', '--artifact-type', artifactType, '--disable-path-validation'],
    ...[`${layout}:${version}`, `${await build()}:${layerType}`],
  );
  return layout;
}

/** The labels that Gantry reads from the config of a platform module's image. */
function labelsOf({ module }: Delivery): string[] {
  return [
    `cloudsmith.module.id=${module}`,
    `org.opencontainers.image.version=${version}`,
    'org.opencontainers.image.title=Interop',
  ];
}

async function writeImageFiles({ directory, module }: Delivery): Promise<string> {
  const root = join(directory, 'root');
  await mkdir(join(root, 'module'), { recursive: true });
  await writeFile(join(root, 'module/index.js'), `export const id = '${module}';\n`);
  return root;
}

async function pushByCrane(bench: Bench, delivery: Delivery): Promise<void> {
  const layer = join(delivery.directory, 'layer.tar');
  const root = await writeImageFiles(delivery);
  await run('tar', ['--create', '--owner=0', '--group=0', '--file', layer, '-C', root, 'module']);

  const crane = bench.program('crane');
  await crane('append', '--new_layer', layer, '--new_tag', delivery.ref);
  const labels = labelsOf(delivery).flatMap((label) => ['--label', label]);
  await crane('mutate', '--tag', delivery.ref, ...labels, delivery.ref);
}

async function pushByBuildah(bench: Bench, delivery: Delivery): Promise<void> {
  const { directory, module, ref } = delivery;
  const root = await writeImageFiles(delivery);
  const labels = labelsOf(delivery).map((label) => `LABEL ${label}`);
  await writeFile(
    join(root, 'Containerfile'),
    ['FROM scratch', ...labels, 'COPY module /module'].join('\n'),
  );

  const storage = ['--root', join(directory, 'images'), '--runroot', join(directory, 'run')];
  const buildah = (...args: string[]) =>
    bench.program('buildah')(...storage, '--storage-driver', 'vfs', ...args);
  await buildah('build', '--isolation', 'chroot', '--tag', module, root);
  await buildah('push', '--tls-verify=false', module, `docker://${ref}`);
}
