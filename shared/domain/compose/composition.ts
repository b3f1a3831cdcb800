import type { EntryType, TreeEntry } from '../files/index.ts';
import type { Variety } from '../modules/index.ts';
import type { Metadata } from '../templates/index.ts';

/** One module build going into a composition: who it is, how it ranks, what it ships and what it protects. */
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
  /** Patterns of `protected_spec` that an operator lets protect paths which the module does not ship. */
  granted_reservations?: string[];
  /** The layer's tree, `/` included. */
  entries: TreeEntry[];
}

/** `<account>/<name>`. */
export type LayerName = string;

export interface DroppedFile {
  path: string;
  /** Whose file it was. */
  from: LayerName;
  /** Who protects the path. */
  because_of: LayerName;
}

export interface ShadowedFile {
  path: string;
  from: LayerName;
  /** Which higher layer has the path. */
  by: LayerName;
}

export interface CarvedOutFile {
  path: string;
  /** The parent that protects it. */
  from: LayerName;
  by: LayerName;
}

/** A path that a layer ships and protects. */
export interface ProtectedPath {
  path: string;
  by: LayerName;
}

/** Why every path has the content that it has; stored beside the image. */
export interface CompositionReport {
  layers: {
    name: LayerName;
    version: string;
    priority: number;
    files: number;
    effective_mask: string[];
  }[];
  dropped: DroppedFile[];
  shadowed: ShadowedFile[];
  carved_out: CarvedOutFile[];
  warnings: string[];
}

export interface Composition {
  /** Lowest priority first. */
  layers: CompositionLayer[];
  /** `<account>/<name>` → paths of it that protection drops. */
  effective_masks: Map<LayerName, string[]>;
  /** The merged root, byte-wise sorted by path; each file entry keeps its verity digest. */
  entries: TreeEntry[];
  /** Per merged non-directory path: whose it is. */
  owners: Map<string, LayerName>;
  /** Per merged directory: whose attributes it has. */
  shapers: Map<string, LayerName>;
  /** What is protected, by path and then by rank: the ancestors, which follow from it, are left out. */
  protected: ProtectedPath[];
  /** Files of `instance` modules, to be rendered; not part of the image. */
  instance_files: { module: LayerName; entry: TreeEntry }[];
  report: CompositionReport;
}

/** What instance files are rendered with. */
export type RenderMetadata = Metadata;

/** How the versions of a composition were found; kept, so that they stay until a promotion or an assignment changes them. */
export interface ResolutionRecord {
  /** What was assigned, sorted; null means any version. */
  assigned: { module: LayerName; constraint: string | null }[];
  modules: Record<LayerName, ResolvedVersion>;
  /** `<asking account>/<capability>` → the module that provides it. */
  capabilities: Record<string, LayerName>;
  /** Every module that was looked at → a digest of the versions that it had to choose from. */
  considered: Record<LayerName, string>;
  /** False where a version was passed over because a name that it requires means no module, or more than one. */
  settled: boolean;
}

export interface ResolvedVersion {
  version_id: string;
  version: string;
  assigned: boolean;
  /** Modules whose versions require it, sorted. */
  required_by: LayerName[];
  /** Each demand with its way from an assignment: `['acme/web 1.2.0', 'acme/tls@^1.0']`. */
  chains: string[][];
}

/** What one path of a machine's root is, as far as people ask: equal facts mean that nothing they would see differs. */
export interface PathFacts {
  type: EntryType;
  mode: number;
  uid: number;
  gid: number;
  /** Tells contents, link targets and devices apart: 22 letters of a SHA-256; empty for directories and empty files. */
  content: string;
  /** The same for extended attributes; empty for none. */
  xattrs: string;
  /** Seconds since 1970. */
  mtime: number;
  /** A file of an `instance` module: rendered for each machine, not part of the image. */
  rendered: boolean;
}

export interface IndexedLayer {
  name: LayerName;
  version: string;
  version_id: string;
  layer_digest: string;
  priority: number;
  packages: string[];
}

/**
 * Every path of a composition with its owner, and what was decided about those that lost: enough to preview a change and
 * to explain a path, without the layers. Columns, because they compress well: `paths`, `owner`, `facts`, `content`,
 * `mtime` have one place a path. Layers are numbers: places in `layers`.
 */
export interface CompositionIndex {
  format: 1;
  /** Lowest priority first. */
  layers: IndexedLayer[];
  /** Sorted by bytes. Rendered files stand in place of what they cover in the image. */
  paths: string[];
  /** Of a directory: whose attributes it has; -1 for the root that no layer has. */
  owner: number[];
  /** Places in `fact_table`. */
  facts: number[];
  content: string[];
  mtime: number[];
  fact_table: Omit<PathFacts, 'content' | 'mtime'>[];
  /** `[path, from, because of]`, sorted by path. */
  dropped: [string, number, number][];
  /** `[path, from, by]`, sorted by path. */
  shadowed: [string, number, number][];
  /** `[path, parent, by]`, sorted by path. */
  carved_out: [string, number, number][];
  /** `[path, by]`, sorted by path; ancestors follow from them. */
  protected: [string, number][];
  /** Granted patterns: `[pattern, by]`. */
  reserved: [string, number][];
}

export type FactName = 'type' | 'content' | 'mode' | 'owner' | 'xattrs' | 'rendered' | 'module';

/** What a change does to machines. Every list is sorted; files by path. */
export interface Preview {
  /** Modules that come, go, or differ in version, build or priority; null where there is none. */
  modules: { module: LayerName; before: ModuleFacts | null; after: ModuleFacts | null }[];
  /** Packages that come or go, with the modules whose manifests name them. */
  packages: { added: PackageUse[]; removed: PackageUse[] };
  /** `by`: whose it is. */
  added: { path: string; type: EntryType; by: LayerName }[];
  removed: { path: string; type: EntryType; from: LayerName }[];
  /** `what` differs; `module` alone means that the same file now comes from another module. */
  changed: { path: string; what: FactName[]; before: PathOwner; after: PathOwner }[];
  /** What is decided anew, and what was decided before and is not any more. */
  dropped: Decided<DroppedFile>;
  shadowed: Decided<ShadowedFile>;
  carved_out: Decided<CarvedOutFile>;
  /** Lengths of all lists, also where they were cut; `times` counts paths of which only the time differs. */
  counts: Record<PreviewList | 'modules' | 'packages_added' | 'packages_removed' | 'times', number>;
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

/** Why a path has the content that it has. */
export interface PathExplanation {
  path: string;
  /** What is there, null for nothing. */
  present: (PathOwner & { rendered: boolean }) | null;
  /** Modules that ship a file there, highest rank first. */
  candidates: {
    module: LayerName;
    version: string;
    priority: number;
    outcome: 'wins' | 'shadowed' | 'dropped';
    /** By whose file it is shadowed, or because of whose protection it is dropped. */
    because_of: LayerName | null;
  }[];
  /** Who protects the path: as such, because something below it is protected, or by a granted reservation. */
  protected_by: { module: LayerName; as: 'itself' | 'ancestor' | 'reservation'; what: string }[];
  carved_out: CarvedOutFile[];
  /** The same for people, one sentence a fact. */
  sentences: string[];
}
