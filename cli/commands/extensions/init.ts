import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { readTemplate, requireSlug, writeRepository } from '../../build/from-template.ts';
import { describe, type Flags } from '../../command.ts';
import { type ExitCode, print } from '../../run.ts';

const template = fileURLToPath(new URL('../../../examples/extension', import.meta.url));
const schema = fileURLToPath(
  new URL('../../../shared/extension/extension-manifest.schema.json', import.meta.url),
);

/** The name that the template uses in place of the extension's own. */
const placeholder = 'my-extension';

/** The schema as the template refers to it, and the copy in a new extension. */
const schemaInTemplate = '../../shared/extension/extension-manifest.schema.json';
const schemaInExtension = '.gantry/extension-manifest.schema.json';

/** `gantry extension init`: starts an extension from the template. */
export function registerExtensionInit(extension: Command): void {
  const command = extension
    .command('init <name> [dir]')
    .description('create an extension: a manifest, and a program with one action');
  describe(command, {
    notes: 'The extension is created in ./<name>, unless [dir] names another directory.',
    examples: ['gantry extension init tape-backup && gantry extension validate tape-backup'],
    action: init,
  });
}

async function init(name: string, dir: string | undefined, flags: Flags): Promise<ExitCode> {
  requireSlug(name, 'a name');

  const directory = dir ?? name;
  const files = (await readTemplate(template)).map(({ path, text, ...file }) => ({
    ...file,
    path: path.replaceAll(placeholder, name),
    text: text.replaceAll(placeholder, name).replace(schemaInTemplate, schemaInExtension),
  }));
  const schemaFile = { path: schemaInExtension, text: await readFile(schema, 'utf8') };
  const written = await writeRepository(directory, [schemaFile, ...files]);

  const next = `next: edit ${join(directory, 'manifest.yaml')}, then run gantry extension validate`;
  print(flags.json, { name, directory, files: written }, () =>
    [...written.map((file) => `wrote ${join(directory, file)}`), next].join('\n'),
  );
  return 0;
}
