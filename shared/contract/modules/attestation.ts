import { z } from 'zod';
import { documentKinds, signatureSources, vexStatuses } from '../../domain/signatures/index.ts';
import { platformSchema } from './module.ts';

/** What a document says, as Gantry understands it. */
export const documentShape = {
  kind: z.enum(documentKinds).meta({ description: 'what the document is about' }),
  format: z
    .string()
    .nullable()
    .meta({
      description: 'format of the document; null for one that Gantry does not know',
      examples: ['CycloneDX 1.6'],
    }),
  sbom: z
    .object({
      packages: z.number().int(),
      licenses: z.array(z.object({ license: z.string(), packages: z.number().int() })),
      more_licenses: z.number().int(),
    })
    .exactOptional()
    .meta({ description: 'packages of an SBOM, and its most frequent licences' }),
  provenance: z
    .object({ source_repository: z.string().nullable(), source_commit: z.string().nullable() })
    .exactOptional()
    .meta({ description: 'source that SLSA provenance names' }),
  vex: z
    .partialRecord(z.enum(vexStatuses), z.number().int())
    .exactOptional()
    .meta({ description: 'number of VEX statements by status' }),
};

export const documentRef = z.object({ digest: z.string(), size: z.number().int() });

/** A document in a layer beside the module. */
export const sideLayerSchema = z
  .object({
    platform: z.string(),
    media_type: z.string(),
    ...documentRef.shape,
    ...documentShape,
  })
  .meta({ id: 'SideLayer' });

/** The documents about a version: of verified attestations first, then of its layers. */
export const attestationsAnswer = z.object({
  attestations: z.array(
    z
      .object({
        source: z
          .enum([...signatureSources, 'layer'])
          .meta({ description: 'where it was found; nobody attested what came in a layer' }),
        predicate_type: z.string().nullable(),
        media_type: z.string(),
        platform: z.string().nullable().meta({
          description: 'platform whose build it is about; null for the whole artifact',
        }),
        identity: z.string().nullable(),
        issuer: z.string().nullable(),
        key_id: z.string().nullable(),
        builder_id: z.string().nullable(),
        ...documentShape,
        digest: z.string().nullable().meta({
          description: 'digest of the stored document; null for one verified by an older Gantry',
        }),
        size: z.number().int().nullable(),
        url: z.string().nullable().meta({
          description: 'reads the document for some minutes without a token; null for none stored',
        }),
      })
      .meta({ id: 'Attestation' }),
  ),
});
export const sbomQuery = z.object({
  platform: platformSchema
    .exactOptional()
    .meta({ description: 'build whose SBOM is wanted (default: the first)' }),
});
/** The SBOM as its author wrote it. */
export const sbomAnswer = z.looseObject({}).meta({
  description: 'the document as its author wrote it: CycloneDX or SPDX',
});
