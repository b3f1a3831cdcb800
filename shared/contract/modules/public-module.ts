import { z } from 'zod';
import { slugSchema } from '../../base/slug.ts';
import { publicModuleFilters, varieties } from '../../domain/modules/index.ts';
import { listQuery, pageOf, pageQuery, timeSchema } from '../http/index.ts';
import { effectsSchema } from './effects.ts';

/** What every account may see of a version of a public module: that is, of one that was live. */
export const publicVersionSchema = z
  .object({
    version_string: z.string().meta({ description: 'version', example: '1.4.0' }),
    digest: z.string().meta({ description: 'digest of the artifact' }),
    live: z.boolean().meta({ description: 'whether track live hands it out' }),
    quarantined: z
      .boolean()
      .meta({ description: 'whether machines that lack it do not get it at present' }),
    platforms: z.array(z.string()).meta({ description: 'platforms that it is built for' }),
  })
  .meta({ id: 'PublicVersion' });

/**
 * What every account may see of a public module. Its repository, signers and other versions are for
 * its own account.
 */
export const publicModuleSchema = z
  .object({
    account: z.string().meta({ description: 'account that publishes it' }),
    name: z.string().meta({ description: 'name; assign it as <account>/<name>' }),
    variety: z.enum(varieties),
    display_name: z.string().nullable().meta({ description: 'from the manifest' }),
    description: z.string().nullable().meta({ description: 'from the manifest' }),
    license: z.string().nullable().meta({ description: 'SPDX expression, from the manifest' }),
    requires: z.array(z.string()).meta({ description: 'requirements of the live version' }),
    provides: z.array(z.string()).meta({ description: 'capabilities of the live version' }),
    effects: effectsSchema,
    live_version: publicVersionSchema
      .nullable()
      .meta({ description: 'null before the first; then it cannot be used yet' }),
    updated_at: timeSchema,
  })
  .meta({ id: 'PublicModule' });

export const publicModulesQuery = listQuery(publicModuleFilters);
export const publicModulesAnswer = pageOf('modules', publicModuleSchema);
export const publicModuleParams = z.object({ account: slugSchema, name: slugSchema });
export const publicModuleAnswer = z.object({ module: publicModuleSchema });
export const publicVersionsQuery = pageQuery;
export const publicVersionsAnswer = pageOf('versions', publicVersionSchema);
