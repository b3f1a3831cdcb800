import { z } from 'zod';

/** What a module does to machines besides its files. */
export const effectsSchema = z
  .array(z.object({ name: z.string(), value: z.string() }).meta({ id: 'Effect' }))
  .meta({ description: 'services, users, rights and the like of the manifest, one line each' });
