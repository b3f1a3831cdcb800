import type { Variety } from './module.ts';
import type { Metadata } from './template.ts';
import type { TreeEntry } from './tree.ts';

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

/** Why every path has the content that it has; stored beside the image. */
export interface CompositionReport {
  layers: { name: LayerName; version: string; priority: number; files: number; effective_mask: string[] }[];
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
  /** Files of `instance` modules, to be rendered; not part of the image. */
  instance_files: { module: LayerName; entry: TreeEntry }[];
  report: CompositionReport;
}

/** What instance files are rendered with. */
export type RenderMetadata = Metadata;
