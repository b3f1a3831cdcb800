import { z } from 'zod';
import { limits } from '../../base/limits/index.ts';
import {
  canonicalHost,
  hookFilters,
  hookKinds,
  registryFilters,
} from '../../domain/registries/index.ts';
import { listQuery, timeSchema } from '../http/index.ts';

/** A registry host as references have it: with a dot or a port, or localhost. */
export const registryHostSchema = z
  .string()
  .max(261)
  .refine(
    (text) => canonicalHost(text) !== null,
    'expected a registry host such as ghcr.io or registry.example.com:5000',
  )
  .overwrite((text) => canonicalHost(text) ?? text);

export const registrySchema = z
  .object({
    host: z.string(),
    username: z.string().nullable(),
    ca: z.string().nullable(),
    stored_by: z.string(),
    stored_at: timeSchema,
  })
  .meta({ id: 'Registry' });

export const registryLoginBody = z
  .strictObject({
    username: z.string().min(1).max(512).exactOptional(),
    password: z
      .string()
      .min(1)
      .max(8192)
      .meta({ description: 'password or token; stored in Secrets Manager and never returned' })
      .exactOptional(),
    ca: z
      .string()
      .min(1)
      .max(limits.registryCaCharactersMax)
      .meta({
        description:
          'certificates (PEM) of authorities to trust for this registry besides public ones',
      })
      .exactOptional(),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: 'expected both username and password, or neither',
  })
  .refine(({ username, ca }) => username !== undefined || ca !== undefined, {
    error: 'expected username and password, ca, or all of them',
  });
export type RegistryLoginBody = z.infer<typeof registryLoginBody>;

export const hookSchema = z
  .object({
    id: z.string(),
    kind: z.enum(hookKinds),
    host: z.string(),
    /** The URL that the registry sends to. */
    url: z.string(),
    created_by: z.string(),
    created_at: timeSchema,
  })
  .meta({ id: 'RegistryHook' });

export const createHookBody = z.strictObject({
  kind: z.enum(hookKinds).meta({
    description: 'registry product; distribution means any registry with its notifications',
  }),
  host: registryHostSchema.meta({
    description: 'registry host, as in the repositories of modules',
  }),
});
export type CreateHookBody = z.infer<typeof createHookBody>;
export const createHookAnswer = z.object({
  hook: hookSchema,
  /**
   * The secret that the registry signs with (github, gitea) or sends as Authorization
   * (distribution, harbor). It is shown once.
   */
  secret: z.string(),
});

export const registriesQuery = listQuery(registryFilters);
export const hooksQuery = listQuery(hookFilters);
