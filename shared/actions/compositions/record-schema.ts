import { z } from 'zod';
import { desiredLayer, generatedFormatSchema } from '../../contract/reconcile/index.ts';
import {
  compositionReport,
  generatedService,
  privilege,
  resolutionRecord,
} from '../../domain/compose/index.ts';
import { treeEntry } from '../../domain/files/index.ts';

/** A file of an `instance` module, which is rendered for each machine, and its layer. */
const instanceFile = z.strictObject({
  /** `<account>/<name>`. */
  module: z.string(),
  layer_digest: z.string(),
  entry: treeEntry,
});

export type InstanceFile = z.infer<typeof instanceFile>;

/** What a composition consists of and how it was made; stored under the SHA-256 of its JSON. */
export const compositionRecord = z.strictObject({
  format: z.literal(1),
  /** `sha256:<hex>`: fs-verity digest of the image. */
  composition_digest: z.string(),
  generated_format: generatedFormatSchema,
  image: z.strictObject({ key: z.string(), sha256: z.string(), length: z.int() }),
  /** Lowest priority first, as in desired states. */
  layers: z.array(desiredLayer.strict()),
  instance_files: z.array(instanceFile),
  /** Assignment metadata by module. */
  metadata: z.record(z.string(), z.record(z.string(), z.unknown())),
  report: compositionReport,
  /** How its versions were found. */
  resolution: resolutionRecord,
  /** What machines start, in that order; absent in records of older releases. */
  services: z.array(generatedService).exactOptional(),
  /** What its modules need besides their files; absent in records of older releases. */
  privileges: z.array(privilege).exactOptional(),
  /** S3 key of the `CompositionIndex`: every path with its owner, JSON compressed with gzip. */
  index_key: z.string(),
});

export type CompositionRecord = z.infer<typeof compositionRecord>;
