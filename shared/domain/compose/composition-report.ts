import { z } from 'zod';

/** `<account>/<name>`. */
const layerName = z.string();

export type LayerName = z.infer<typeof layerName>;

const droppedFile = z.strictObject({
  path: z.string(),
  /** The module that shipped the file. */
  from: layerName,
  /** The module that protects the path. */
  because_of: layerName,
});

export type DroppedFile = z.infer<typeof droppedFile>;

const shadowedFile = z.strictObject({
  path: z.string(),
  from: layerName,
  /** The higher layer that has the path. */
  by: layerName,
});

export type ShadowedFile = z.infer<typeof shadowedFile>;

const carvedOutFile = z.strictObject({
  path: z.string(),
  /** The parent that protects it. */
  from: layerName,
  by: layerName,
});

export type CarvedOutFile = z.infer<typeof carvedOutFile>;

/** Explains the content of every path; stored beside the image. */
export const compositionReport = z.strictObject({
  layers: z.array(
    z.strictObject({
      name: layerName,
      version: z.string(),
      priority: z.number(),
      files: z.int(),
      effective_mask: z.array(z.string()),
    }),
  ),
  dropped: z.array(droppedFile),
  shadowed: z.array(shadowedFile),
  carved_out: z.array(carvedOutFile),
  warnings: z.array(z.string()),
});

export type CompositionReport = z.infer<typeof compositionReport>;

const resolvedVersion = z.strictObject({
  version_id: z.string(),
  version: z.string(),
  assigned: z.boolean(),
  /** Modules whose versions require it, sorted. */
  required_by: z.array(layerName),
  /** Each demand with its way from an assignment: `['acme/web 1.2.0', 'acme/tls@^1.0']`. */
  chains: z.array(z.array(z.string())),
});

export type ResolvedVersion = z.infer<typeof resolvedVersion>;

/**
 * How the versions of a composition were resolved; kept so that they stay until a promotion or an
 * assignment changes them.
 */
export const resolutionRecord = z.strictObject({
  /** The assigned modules with their constraints, sorted; null means any version. */
  assigned: z.array(z.strictObject({ module: layerName, constraint: z.string().nullable() })),
  modules: z.record(layerName, resolvedVersion),
  /** `<asking account>/<capability>` → the module that provides it. */
  capabilities: z.record(z.string(), layerName),
  /** Every considered module → a digest of the versions that it offered. */
  considered: z.record(layerName, z.string()),
  /**
   * False where a version was skipped because a name that it requires means no module, or several.
   */
  settled: z.boolean(),
  /**
   * By module of another account, the last operation known to this resolution that let a version of
   * it through: see `pinsOf`.
   */
  approved: z.record(layerName, z.string()).exactOptional(),
});

export type ResolutionRecord = z.infer<typeof resolutionRecord>;
