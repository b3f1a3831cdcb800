import type { EntryType, TreeEntry } from '../files/index.ts';
import type { Effect, ModuleManifest, Variety } from '../modules/index.ts';
import type { Metadata } from '../templates/index.ts';
import type {
  CarvedOutFile,
  CompositionReport,
  DroppedFile,
  LayerName,
  ShadowedFile,
} from './composition-report.ts';
import type { GeneratedService } from './generated-service.ts';

/** One module build in a composition: its identity, its rank, its files and its protected paths. */
export interface CompositionLayer {
  account: string;
  module: string;
  version: string;
  version_id: string;
  digest: string;
  manifest_digest: string;
  layer_digest: string;
  layer_size: number;
  composefs_digest: string;
  variety: Variety;
  /** `<account>/<name>` or null. */
  parent_module: string | null;
  priority: number;
  /** From the manifest that the layer carries. */
  protected_spec: string[];
  file_spec: string[];
  mask: string[];
  /** Debian packages of the manifest, for previews. */
  package_spec?: string[];
  /** What the manifest does to machines besides the files, for previews. */
  effects?: Effect[];
  /**
   * Patterns of `protected_spec` that an operator lets protect paths which the module does not
   * ship.
   */
  granted_reservations?: string[];
  /** Whole, for the generated layer. */
  manifest?: ModuleManifest;
  /** The layer's tree, `/` included. */
  entries: TreeEntry[];
}

/** A path that a layer ships and protects. */
export interface ProtectedPath {
  path: string;
  by: LayerName;
}

export interface Composition {
  /** Lowest priority first. */
  layers: CompositionLayer[];
  /** `<account>/<name>` → paths of it that protection drops. */
  effective_masks: Map<LayerName, string[]>;
  /** The merged root, byte-wise sorted by path; each file entry keeps its verity digest. */
  entries: TreeEntry[];
  /** Merged path that is not a directory → its module. */
  owners: Map<string, LayerName>;
  /** Merged directory → the module whose attributes it has. */
  shapers: Map<string, LayerName>;
  /** Protected paths, by path and then by rank. Ancestors follow from them and are left out. */
  protected: ProtectedPath[];
  /** Files of `instance` modules, which are rendered for each machine; not part of the image. */
  instance_files: { module: LayerName; entry: TreeEntry }[];
  /** What machines start, in that order; absent before the generated layer is on top. */
  services?: GeneratedService[];
  report: CompositionReport;
}

/** The values that instance files are rendered with. */
export type RenderMetadata = Metadata;

export type FactName = 'type' | 'content' | 'mode' | 'owner' | 'xattrs' | 'rendered' | 'module';

/** The effects of a change on machines. Every list is sorted; files by path. */
export interface Preview {
  /**
   * Modules that are added, removed, or differ in version, build or priority; null where there is
   * none.
   */
  modules: { module: LayerName; before: ModuleFacts | null; after: ModuleFacts | null }[];
  /** Packages that are added or removed, with the modules whose manifests name them. */
  packages: { added: PackageUse[]; removed: PackageUse[] };
  /** Services, users, rights and the like that appear, differ or disappear. */
  effects: ChangedEffect[];
  /** Units that machines start, restart because they differ, or stop; sorted by name. */
  services: ChangedService[];
  /** `by`: the module that has it. */
  added: { path: string; type: EntryType; by: LayerName }[];
  removed: { path: string; type: EntryType; from: LayerName }[];
  /** `what` differs; `module` alone means that the same file now comes from another module. */
  changed: { path: string; what: FactName[]; before: PathOwner; after: PathOwner }[];
  /** Decisions that are new, and decisions that no longer hold. */
  dropped: Decided<DroppedFile>;
  shadowed: Decided<ShadowedFile>;
  carved_out: Decided<CarvedOutFile>;
  /**
   * Full lengths of all lists, even of truncated ones; `times` counts paths of which only the time
   * differs.
   */
  counts: Record<
    | PreviewList
    | 'modules'
    | 'packages_added'
    | 'packages_removed'
    | 'effects'
    | 'services'
    | 'times',
    number
  >;
}

export interface ChangedService {
  unit: string;
  module: LayerName;
  what: 'added' | 'removed' | 'changed';
  /** True if the new version takes effect at the next boot only. */
  reboot_required: boolean;
}

export interface ChangedEffect {
  module: LayerName;
  name: string;
  /** Null where there is none. */
  was: string | null;
  now: string | null;
}

export type PreviewList = 'added' | 'removed' | 'changed' | 'dropped' | 'shadowed' | 'carved_out';

export interface ModuleFacts {
  version: string;
  version_id: string;
  layer_digest: string;
  priority: number;
}

export interface PackageUse {
  package: string;
  modules: LayerName[];
}

export interface PathOwner {
  by: LayerName | null;
  type: EntryType;
  mode: number;
  uid: number;
  gid: number;
}

export interface Decided<T> {
  now: T[];
  no_longer: T[];
}

/** Explains the content of a path. */
export interface PathExplanation {
  path: string;
  /** The entry at the path, null for none. */
  present: (PathOwner & { rendered: boolean }) | null;
  /** Modules that ship a file there, highest rank first. */
  candidates: {
    module: LayerName;
    version: string;
    priority: number;
    outcome: 'wins' | 'shadowed' | 'dropped';
    /** The module that shadows it by a file, or drops it by protection. */
    because_of: LayerName | null;
  }[];
  /**
   * Modules that protect the path: itself, because something below it is protected, or by a granted
   * reservation.
   */
  protected_by: { module: LayerName; as: 'itself' | 'ancestor' | 'reservation'; what: string }[];
  carved_out: CarvedOutFile[];
  /** The same facts as sentences, one for each. */
  sentences: string[];
}
