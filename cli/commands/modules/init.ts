import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { parseReference } from '../../../shared/registry/index.ts';
import { readTemplate, requireSlug, writeRepository } from '../../build/from-template.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import { type ExitCode, print } from '../../run.ts';
import { buildWithBuildah } from './init-buildah.ts';

const template = fileURLToPath(new URL('../../../examples/module-template', import.meta.url));
const schema = fileURLToPath(
  new URL('../../../shared/manifest/module-manifest.schema.json', import.meta.url),
);

/** The name that the template uses in place of the module's own. */
const placeholder = 'my-module';

/** The image that the template's Containerfile and workflows build in. */
const builderInTemplate = 'ghcr.io/powernode/module-builder:1.2.0';

/** The schema as the template refers to it, and the copy in a new module. */
const schemaInTemplate = '../../shared/manifest/module-manifest.schema.json';
const schemaInModule = '.gantry/module-manifest.schema.json';

/** What builds the module in the workflows. */
const buildTools = ['gantry', 'buildah'] as const;

interface Builder {
  /** The image that the Containerfile and the workflows build in. */
  image: string;
  tool: (typeof buildTools)[number];
}

/** `gantry module init`: starts a module repository from the template. */
export function registerModuleInit(module: Command): void {
  const command = module
    .command('init <name> [dir]')
    .description('create a module repository: manifest, rootfs/, Containerfile and workflows')
    .option('--builder-image <ref>', 'image that builds the module', builderInTemplate)
    .addOption(
      choiceOption(
        '--build-with <tool>',
        buildTools,
        'what the workflows build with: the image itself, or an image that buildah makes of the Containerfile',
      ).default('gantry'),
    );
  describe(command, {
    notes: `
The repository is created in ./<name>, unless [dir] names another directory. "npm run builder-image" makes and
pushes a builder image of your own.
`,
    examples: [
      'gantry module init my-redis && cd my-redis && gantry module validate',
      'gantry module init my-redis --builder-image registry.example.com/acme/module-builder:1',
      'gantry module init my-redis --build-with buildah',
    ],
    action: init,
  });
}

async function init(
  name: string,
  dir: string | undefined,
  flags: Flags & { builderImage: string; buildWith: Builder['tool'] },
): Promise<ExitCode> {
  const builder = { image: flags.builderImage, tool: flags.buildWith };
  const result = await initModule(name, dir ?? name, builder);
  const next = `next: edit ${join(result.directory, 'manifest.yaml')}, then run gantry module validate`;

  print(flags.json, result, () =>
    [...result.files.map((file) => `wrote ${join(result.directory, file)}`), next].join('\n'),
  );
  return 0;
}

/**
 * Writes a module repository called `name` to a directory that is missing, empty, or holds only
 * `.git`.
 * @throws GantryError `usage` for a name that is not a slug, `reference_invalid` for the image,
 * `already_exists` if the directory has other files
 */
export async function initModule(
  name: string,
  directory: string,
  builder: Builder = { image: builderInTemplate, tool: 'gantry' },
): Promise<{ name: string; directory: string; files: string[] }> {
  requireSlug(name, 'a module name');

  parseReference(builder.image);
  const files = (await readTemplate(template)).map(({ path, text }) => {
    const named = text
      .replaceAll(placeholder, name)
      .replace(schemaInTemplate, schemaInModule)
      .replaceAll(builderInTemplate, builder.image);
    const isWorkflow = path.endsWith('/workflows/build.yaml');
    const adapted = isWorkflow && builder.tool === 'buildah' ? buildWithBuildah(named) : named;
    return { path: path.replaceAll(placeholder, name), text: adapted };
  });

  const schemaFile = { path: schemaInModule, text: await readFile(schema, 'utf8') };
  const written = await writeRepository(directory, [schemaFile, ...files]);
  return { name, directory, files: written };
}
