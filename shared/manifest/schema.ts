import { z } from 'zod';
import { isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { slugPattern, slugSchema } from '../base/slug.ts';
import type { ModuleManifest } from '../domain/modules/index.ts';
import { compileGlob } from '../files/index.ts';
import { parseRequirement } from './requirement.ts';

/** Converts an error of a parser into a problem with the parsed string. */
function refineWith(
  parse: (text: string) => unknown,
): (text: string, context: z.RefinementCtx<string>) => void {
  return (text, context) => {
    try {
      parse(text);
    } catch (error) {
      if (!isGantryError(error)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  };
}

const line = z
  .string()
  .max(200, 'expected at most 200 characters')
  .regex(/^\P{Cc}+$/u, 'expected one line of text');

const glob = z.string().superRefine(refineWith(compileGlob));

/**
 * Debian policy 5.6.1, with an architecture and an exact version in the syntax of apt. Never an
 * option (`-…`) or a path.
 */
const debianPackage = z
  .string()
  .max(300, 'expected at most 300 characters')
  .regex(
    /^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+~:-]+)?$/,
    'expected a Debian package, as name, name:architecture or name=version',
  );

const requirement = z
  .string()
  .superRefine(refineWith(parseRequirement))
  .meta({ pattern: '^(?:[a-z0-9._-]+/)?[a-z0-9._-]+@.+$' });

const slug = slugPattern.source.slice(1, -1);
const moduleReference = z
  .string()
  .regex(new RegExp(`^(?:${slug}/)?${slug}$`), 'expected <module> or <account>/<module>')
  .max(127, 'expected at most 127 characters');

const list = <Item extends z.ZodType>(
  item: Item,
  description: string,
  example: z.input<Item>[],
  max?: number,
) => {
  const items = z.array(item);
  return (max === undefined ? items : items.max(max, `expected at most ${max} entries`))
    .default([])
    .meta({ description, examples: [example] });
};

const dependencies = z
  .strictObject({
    requires: list(
      requirement,
      'Modules that this one needs: <account>/<module>@<npm-style semver range>. A bare <module> is the own account’s, else powernode’s.',
      ['powernode/system-base@^1.0', 'powernode/chrony@>=1.2 <3'],
    ),
    provides: list(
      slugSchema,
      'Names of capabilities that this module offers.',
      ['http-server'],
      limits.capabilitiesMax,
    ),
  })
  .prefault({})
  .describe('What this module needs from other modules, and offers them.');

const shipsSomething = [
  { required: ['package_spec'], properties: { package_spec: { minItems: 1 } } },
  { required: ['file_spec'], properties: { file_spec: { minItems: 1 } } },
];

/**
 * Returns whether a list has entries. A value that is not a list has its own problem, so it does
 * not count as missing too.
 */
const hasEntries = (value: unknown) =>
  value !== undefined && (!Array.isArray(value) || value.length > 0);

/**
 * The canonical, flat form of a module manifest: the single source of truth.
 * `module-manifest.schema.json` is generated from it (npm run generate).
 */
export const moduleManifestSchema = z
  .strictObject({
    schema_version: z
      .literal(1)
      .default(1)
      .meta({
        description: 'Version of this format. Missing means 1, with a warning.',
        examples: [1],
      }),
    name: slugSchema.meta({
      description: "The module's name, unique in its account, as it is registered.",
      examples: ['my-nginx'],
    }),
    display_name: line.optional().meta({
      description: 'The name that people are shown.',
      examples: ['nginx 1.26 with TLS hardening'],
    }),
    description: z
      .string()
      .max(4000, 'expected at most 4000 characters')
      .optional()
      .meta({
        description: 'What the module is for.',
        examples: ['nginx with TLS hardening and a /healthz endpoint'],
      }),
    license: line
      .optional()
      .meta({ description: 'SPDX licence expression.', examples: ['BSD-2-Clause'] }),
    package_spec: list(
      debianPackage,
      'Debian packages that the build installs: name, name:architecture or name=version.',
      ['nginx', 'nginx-extras'],
    ),
    file_spec: list(glob, 'rsync globs of the files that the module ships from rootfs/.', [
      '/etc/nginx/**',
      '/var/www/healthz/**',
    ]),
    mask: list(
      glob,
      'rsync globs of files that are left out, from rootfs/ and from packages. Never affects other modules.',
      ['/etc/nginx/sites-enabled/default', '*.bak'],
    ),
    protected_spec: list(glob, 'rsync globs of shipped files that no other module may ship.', [
      '/etc/nginx/conf.d/00-security.conf',
    ]),
    dependencies,
    parent_module: moduleReference.optional().meta({
      description: 'The module whose configuration this one overrides, as it is registered.',
      examples: ['powernode/nginx'],
    }),
  })
  .refine(({ package_spec, file_spec }) => hasEntries(package_spec) || hasEntries(file_spec), {
    message: 'expected at least one entry in package_spec or file_spec',
    // Without this, zod would only report the problem after all others are solved.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  })
  .meta({
    title: 'Gantry module manifest',
    anyOf: shipsSomething,
  }) satisfies z.ZodType<ModuleManifest>;

export type { ModuleManifest };

/** The JSON Schema of manifests for editors: the flat form that an author may write. */
export function moduleManifestJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(moduleManifestSchema, { io: 'input' }) };
}
