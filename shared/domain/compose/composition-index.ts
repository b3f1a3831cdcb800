import { z } from 'zod';
import { entryTypes } from '../files/index.ts';
import { generatedService } from './generated-service.ts';

/** The facts about one path of a machine's root file system that previews compare. */
const pathFacts = z.strictObject({
  type: z.enum(entryTypes),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
  /**
   * Distinguishes contents, link targets and devices: 22 letters of a SHA-256; empty for
   * directories and empty files.
   */
  content: z.string(),
  /** The same for extended attributes; empty for none. */
  xattrs: z.string(),
  /** Seconds since 1970. */
  mtime: z.int(),
  /** A file of an `instance` module: rendered for each machine, not part of the image. */
  rendered: z.boolean(),
});

export type PathFacts = z.infer<typeof pathFacts>;

const indexedLayer = z.strictObject({
  /** `<account>/<name>`. */
  name: z.string(),
  version: z.string(),
  version_id: z.string(),
  layer_digest: z.string(),
  priority: z.number(),
  packages: z.array(z.string()),
  /** Absent for none. */
  effects: z.array(z.strictObject({ name: z.string(), value: z.string() })).exactOptional(),
});

export type IndexedLayer = z.infer<typeof indexedLayer>;

/** A service as previews compare it. */
const indexedService = generatedService.pick({
  unit: true,
  account: true,
  module: true,
  managed: true,
  digest: true,
  reboot_required: true,
});

export type IndexedService = z.infer<typeof indexedService>;

/** A path or pattern with one layer, or with two. */
const withLayer = z.tuple([z.string(), z.int()]);
const withLayers = z.tuple([z.string(), z.int(), z.int()]);

/**
 * Every path of a composition with its owner, and the decisions about files that lost: enough to
 * preview a change and to explain a path, without the layers. It has columns, because they compress
 * well: `paths`, `owner`, `facts`, `content` and `mtime` have one entry for each path. A layer is a
 * number, its index in `layers`.
 */
export const compositionIndex = z.strictObject({
  format: z.literal(1),
  /** Lowest priority first. */
  layers: z.array(indexedLayer),
  /** Sorted by bytes. A rendered file replaces the file that it covers in the image. */
  paths: z.array(z.string()),
  /**
   * Of a directory: the layer whose attributes it has; -1 for a root that no layer has, -2 for what
   * is generated.
   */
  owner: z.array(z.int()),
  /** Indexes in `fact_table`. */
  facts: z.array(z.int()),
  content: z.array(z.string()),
  mtime: z.array(z.int()),
  fact_table: z.array(pathFacts.omit({ content: true, mtime: true })),
  /** What machines start, in that order; absent for nothing. */
  services: z.array(indexedService).exactOptional(),
  /** `[path, from, because of]`, sorted by path. */
  dropped: z.array(withLayers),
  /** `[path, from, by]`, sorted by path. */
  shadowed: z.array(withLayers),
  /** `[path, parent, by]`, sorted by path. */
  carved_out: z.array(withLayers),
  /** `[path, by]`, sorted by path; ancestors follow from them. */
  protected: z.array(withLayer),
  /** Granted patterns: `[pattern, by]`. */
  reserved: z.array(withLayer),
});

export type CompositionIndex = z.infer<typeof compositionIndex>;
