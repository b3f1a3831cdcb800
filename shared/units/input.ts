import type { RenderedFile } from '../contract/reconcile/index.ts';
import type { Composition, GeneratedService, LayerName } from '../domain/compose/index.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import type { ManifestProbe, ModuleManifest } from '../domain/modules/index.ts';

/** The parts of a manifest that become files and units of machines. */
export type MachineManifest = Pick<
  ModuleManifest,
  | 'dependencies'
  | 'file_spec'
  | 'groups'
  | 'init'
  | 'reboot_required'
  | 'security'
  | 'services'
  | 'sudoers'
  | 'users'
  | 'verify'
>;

/** A layer of a composition with its manifest. */
export interface UnitLayer {
  account: string;
  module: string;
  version: string;
  /** `<account>/<name>` or null. */
  parent_module: string | null;
  manifest: MachineManifest;
  /** The layer's tree without what the protection of other modules drops. */
  entries: readonly TreeEntry[];
}

/** What the generated layer is made from. */
export interface UnitInput {
  /** The account of the template: the units of other accounts' modules have theirs in the name. */
  account: string;
  /** Lowest priority first. */
  layers: readonly UnitLayer[];
  /** The merged root. */
  entries: readonly TreeEntry[];
  /**
   * Files that are rendered for one machine: they are not in the root, but a service restarts when
   * they change. The control plane has none.
   */
  rendered_files?: readonly RenderedFile[];
}

/** Returns the bytes of a file of the merged root that `listNeededFiles` names. */
export type ReadContent = (path: string) => Uint8Array;

/** A command that the shells of a machine must find at a path. */
export interface GeneratedProbe extends ManifestProbe {
  module: LayerName;
}

/** The topmost layer of a composition, which is made from manifests and not from a build. */
export interface GeneratedLayer {
  /** New and replaced entries, sorted by path, with every directory that the root lacks. */
  entries: TreeEntry[];
  /** The bytes of new files by path. A file that repeats another one's content is not here. */
  contents: Map<string, Uint8Array>;
  /** Paths of the merged root that are taken away, sorted. */
  removed: string[];
  /** In the order in which they start. */
  services: GeneratedService[];
  probes: GeneratedProbe[];
  warnings: string[];
}

/** The layers of a composition as the generated layer needs them. */
export function unitLayers(
  { layers, effective_masks }: Pick<Composition, 'layers' | 'effective_masks'>,
  manifests: ReadonlyMap<LayerName, MachineManifest>,
): UnitLayer[] {
  return layers.flatMap(({ account, module, version, parent_module, entries }) => {
    const name = `${account}/${module}`;
    const manifest = manifests.get(name);
    if (manifest === undefined) return [];

    const dropped = new Set(effective_masks.get(name));
    const kept = dropped.size === 0 ? entries : entries.filter(({ path }) => !dropped.has(path));
    return [{ account, module, version, parent_module, manifest, entries: kept }];
  });
}

export function layerName({ account, module }: { account: string; module: string }): LayerName {
  return `${account}/${module}`;
}
