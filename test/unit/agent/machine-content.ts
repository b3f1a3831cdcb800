import { createHash, type KeyObject } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  encodeFileIndex,
  readWithOutside,
  writeModuleTar,
} from '../../../shared/artifact/index.ts';
import { composefsImage, fsVerityDigest } from '../../../shared/composefs/index.ts';
import { compose, renderInstanceFiles, withGenerated } from '../../../shared/composition/index.ts';
import type { DesiredState } from '../../../shared/contract/reconcile/index.ts';
import { makeDesiredState } from '../../../shared/director/index.ts';
import type { Composition, CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { ancestorPaths, type TreeEntry } from '../../../shared/domain/files/index.ts';
import type { ModuleManifest } from '../../../shared/domain/modules/index.ts';
import { generateLayer, unitLayers } from '../../../shared/units/index.ts';
import type { Director } from './directors.ts';

/** A file's content, or what else is at a path. */
export type Content = string | { target: string } | { mode: number; content: string | Uint8Array };

export interface ModuleOptions {
  name: string;
  account?: string;
  files: Record<string, Content>;
  priority?: number;
  variety?: CompositionLayer['variety'];
  protected_spec?: string[];
  /** Further keys of the manifest. */
  manifest?: Partial<ModuleManifest>;
  /** Signs the artifact; the world's author where absent, nobody when null. */
  key?: KeyObject | null;
  /** Wraps the manifest in an index, which is then what is signed. */
  index?: boolean;
  /** Descriptors of layers beside the module's own. */
  layers?: object[];
  /** Entries of the index beside the manifest's. */
  entries?: unknown[];
}

export interface Module {
  layer: CompositionLayer;
  contents: Map<string, Uint8Array>;
}

export interface StateOptions {
  modules: Module[];
  version: number;
  /** The instance's. */
  metadata?: Record<string, string | number>;
  expires?: Date;
  signer?: Director;
  change?: (custom: DesiredState) => void;
}

const inAWeek = new Date(Date.now() + 7 * 86_400_000);

/** What `buildModule` cannot know: the digests under which the module is pushed. */
type Pushed = 'version_id' | 'digest' | 'manifest_digest' | 'layer_digest' | 'layer_size';

/** Builds the layer of a module. */
export async function buildModule(options: ModuleOptions): Promise<{
  tar: Buffer;
  /** The file index of the layer, as ingest stores it. */
  index: Buffer;
  layer: Omit<CompositionLayer, Pushed>;
  contents: Map<string, Uint8Array>;
}> {
  const { name, account = 'acme', priority = 10, variety = 'subscription' } = options;
  const { protected_spec = [] } = options;
  const contents = new Map<string, Uint8Array>();
  const entries = treeOf(options.files, contents);
  const manifest: ModuleManifest = {
    schema_version: 1,
    name,
    package_spec: [],
    file_spec: ['/***'],
    mask: [],
    protected_spec,
    dependencies: { requires: [], provides: [] },
    ...options.manifest,
  };

  const parts: Uint8Array[] = [];
  const stream = writeModuleTar({
    manifestJson: JSON.stringify(manifest),
    mtime: 0,
    entries,
    open: (entry) => contents.get(entry.path) as Uint8Array,
  });

  for await (const part of stream) parts.push(part);

  const layer = {
    account,
    module: name,
    version: '1.0.0',
    composefs_digest: `sha256:${composefsImage(entries).digest}`,
    priority,
    variety,
    parent_module: null,
    protected_spec,
    file_spec: manifest.file_spec,
    mask: [],
    manifest,
    entries,
  };

  const tar = Buffer.concat(parts);
  return { tar, index: await fileIndexOf(tar), layer, contents };
}

async function fileIndexOf(tar: Buffer): Promise<Buffer> {
  const read = await readWithOutside(Readable.from([tar]), { allowDevices: true });
  return Buffer.from(await encodeFileIndex(read.tar.entries, read.outside));
}

/** Composes the modules into a desired state that no key has signed yet. */
export function composeState(options: StateOptions, authorKey: string) {
  const composition = composeModules(options.modules);
  const { image, digest } = composefsImage(composition.entries);
  const metadata = options.metadata ?? {};

  const custom: DesiredState = {
    account: 'acme',
    instance: 'ins_1',
    template: 'tpl_1',
    track: 'live',
    composition_digest: `sha256:${digest}`,
    layers: desiredLayers(composition),
    signature_policies: composition.layers.map(({ account, module }) => ({
      module: `${account}/${module}`,
      identities: [],
      keys: [authorKey],
      require_tlog: false,
      trusted_root: null,
    })),
    rendered_files: renderInstanceFiles(
      composition.instance_files,
      (module, path) => {
        const from = options.modules.find(
          ({ layer }) => `${layer.account}/${layer.module}` === module,
        );
        return from?.contents.get(path) as Uint8Array;
      },
      metadata,
    ),
    metadata: { instance: metadata, modules: {} },
    jobs: [],
    approvals: [],
  };

  options.change?.(custom);

  const sha256 = createHash('sha256').update(image).digest('hex');
  const { version, expires = inAWeek } = options;
  return makeDesiredState({ custom, image: { length: image.length, sha256 }, version, expires });
}

/** Composes modules as the control plane does, with contents that are at hand. */
function composeModules(modules: readonly Module[]): Composition {
  const merged = compose(modules.map(({ layer }) => layer));
  const named = new Map(modules.map((one) => [`${one.layer.account}/${one.layer.module}`, one]));
  const manifests = new Map(
    [...named].flatMap(([name, { layer }]) => (layer.manifest ? [[name, layer.manifest]] : [])),
  );

  const layers = unitLayers(merged, manifests);
  const read = (path: string) =>
    named.get(merged.owners.get(path) ?? '')?.contents.get(path) ?? new Uint8Array();
  const input = { account: 'acme', layers, entries: merged.entries };
  return withGenerated(merged, generateLayer(input, read));
}

function desiredLayers(composition: Composition): DesiredState['layers'] {
  return composition.layers.map((layer) => {
    const { entries: _, protected_spec: __, file_spec: ___, mask: ____, ...others } = layer;
    const { manifest: _____, ...rest } = others;
    const name = `${layer.account}/${layer.module}`;
    return { ...rest, effective_mask: composition.effective_masks.get(name) ?? [] };
  });
}

function treeOf(files: Record<string, Content>, contents: Map<string, Uint8Array>): TreeEntry[] {
  const owner = {
    uid: process.getuid?.() === 0 ? 0 : 1000,
    gid: 0,
    mtime: 1_700_000_000,
    mtime_ns: 0,
  };

  const tree = new Map<string, TreeEntry>();
  for (const [path, content] of Object.entries(files)) {
    for (const above of ancestorPaths(path)) {
      tree.set(above, { path: above, type: 'directory', mode: 0o755, size: 0, ...owner });
    }

    if (path.endsWith('/')) continue;
    if (typeof content === 'object' && 'target' in content) {
      const { target } = content;
      tree.set(path, {
        path,
        type: 'symlink',
        mode: 0o777,
        size: Buffer.byteLength(target),
        target,
        ...owner,
      });

      continue;
    }

    const text = typeof content === 'string' ? content : content.content;
    const bytes = Buffer.from(text);

    const entry: TreeEntry = {
      path,
      type: 'file',
      mode: typeof content === 'string' ? 0o644 : content.mode,
      size: bytes.length,
      ...owner,
    };

    if (bytes.length > 0) entry.verity = fsVerityDigest(bytes);
    if (bytes.length > 0 && bytes.length <= 64) entry.content = bytes.toString('base64');
    contents.set(path, bytes);
    tree.set(path, entry);
  }

  return [...tree.values()];
}

/** A desired state without modules, as a value. */
export function emptyState(metadata: Record<string, unknown>): DesiredState {
  return {
    account: 'acme',
    instance: 'ins_1',
    template: 'tpl_1',
    track: 'live',
    composition_digest: `sha256:${'1'.repeat(64)}`,
    layers: [],
    signature_policies: [],
    rendered_files: [],
    metadata,
    jobs: [],
    approvals: [],
  };
}
