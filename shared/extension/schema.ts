import { valid as validVersion } from 'semver';
import { z } from 'zod';
import { cloudStackVersionPattern, compareCloudStackVersions } from '../domain/extensions/index.ts';
import { customActions } from './schema/action.ts';
import { details, line, prose, url } from './schema/field.ts';

/** Where CloudStack keeps extensions: the only folder that an account allows unless it says so. */
export const extensionRoot = '/usr/share/cloudstack-management/extensions';

const cloudStackVersion = z
  .string()
  .regex(cloudStackVersionPattern, 'expected one to four numbers such as 4.20 or 4.22.0.1');

const component = '(?!\\.{1,2}(?:/|$))[^/\\\\\\p{Cc}]{1,255}';

const metadata = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
      'expected at most 128 letters, digits, ".", "_" and "-", the first a letter or digit',
    )
    .meta({ description: 'The name, unique in its account.', examples: ['tape-backup'] }),
  displayName: line(200).meta({
    description: 'The name that people are shown.',
    examples: ['Tape Backup'],
  }),
  description: prose(16_000).meta({
    description: 'What the extension is for.',
    examples: ['Backs machines up to tape.'],
  }),
  version: z
    .string()
    .superRefine((text, context) => {
      if (validVersion(text) === text) return;
      const message = `expected a semantic version such as 1.2.0, found ${JSON.stringify(text)}`;
      context.addIssue({ code: 'custom', message });
    })
    .meta({ description: 'A semantic version.', examples: ['1.2.0'] }),
  maintainer: line(500).meta({
    description: 'The person or team to ask.',
    examples: ['Storage Team <storage@example.com>'],
  }),
  homepage: url(['http:', 'https:'])
    .exactOptional()
    .meta({ description: 'Where people read more.', examples: ['https://example.com/tape'] }),
});

const refs = z
  .string()
  .regex(
    /^(?!-)(?!.*(?:\.\.|@\{|\/\/))[^\s\p{Cc}~^:?*[\\]{1,255}$/u,
    'expected the name of a branch or tag, or a commit',
  );

const source = z.strictObject({
  type: z.enum(['git', 'archive']).meta({
    description: 'A git repository, or a link to a .zip or .tar.gz.',
    examples: ['git'],
  }),
  url: url(['https:']).meta({
    description: 'The address of the repository or archive.',
    examples: ['https://github.com/example/tape-backup'],
  }),
  refs: refs.exactOptional().meta({
    description: 'Branch, tag or commit. Without it, the default branch.',
    examples: ['v1.2.0'],
  }),
  ref: refs
    .exactOptional()
    .meta({ description: 'Read as `refs`, with a warning.', examples: ['v1.2.0'] }),
});

const compatibility = z.strictObject({
  cloudstack: z
    .strictObject({
      minVersion: cloudStackVersion.describe('The first version that it runs with.'),
      maxVersion: cloudStackVersion.exactOptional().describe('The last one.'),
    })
    .superRefine(({ minVersion, maxVersion }, context) => {
      if (maxVersion === undefined) return;
      if (compareCloudStackVersions(minVersion, maxVersion) <= 0) return;
      const message = `expected at least minVersion ${minVersion}, found ${JSON.stringify(maxVersion)}`;
      context.addIssue({ code: 'custom', path: ['maxVersion'], message });
    })
    .describe('One to four numbers each, such as 4.22.0.1.'),
});

const entrypoint = z.strictObject({
  language: line(64).exactOptional().describe('What it is written in, for people.'),
  path: z
    .string()
    .max(1024, 'expected at most 1024 characters')
    .regex(
      new RegExp(`^${component}(?:/${component})*$`, 'u'),
      'expected a relative path without "." and ".." components',
    )
    .describe('The program, from the root of the archive.'),
  targetDir: z
    .string()
    .max(1024, 'expected at most 1024 characters')
    .regex(
      new RegExp(`^(?:/${component})+/?$`, 'u'),
      'expected an absolute path without "." and ".." components',
    )
    .overwrite((path) => path.replace(/\/$/, ''))
    .describe('The folder that it is installed in.'),
});

const enabled = z.boolean();

const spec = z.strictObject({
  type: z
    .enum(['Orchestrator'])
    .meta({ description: 'The only type of extension.', examples: ['Orchestrator'] }),
  compatibility: compatibility.meta({
    description: 'The versions of CloudStack that it is made for.',
    examples: [{ cloudstack: { minVersion: '4.23.0' } }],
  }),
  entrypoint: entrypoint.meta({
    description:
      'The program of the archive at `path`. It is installed as `<targetDir>/<path>`. `language` is for people.',
    examples: [{ language: 'python', path: 'tape.py', targetDir: `${extensionRoot}/tape-backup` }],
  }),
  orchestrator: z
    .strictObject({ requiresPrepareVm: z.boolean().default(false).describe('Warned of if true.') })
    .exactOptional()
    .meta({
      description: 'Has no effect here: Gantry makes no machines by extensions.',
      examples: [{ requiresPrepareVm: false }],
    }),
  details: details
    .default({})
    .meta({ description: 'Values that scripts read.', examples: [{ library: 'east' }] }),
  enabled: enabled
    .exactOptional()
    .meta({ description: 'The same as `enabled` at the top.', examples: [true] }),
  customActions: customActions
    .exactOptional()
    .meta({ description: 'The same as `customActions` at the top.', examples: [[]] }),
});

/**
 * What an author may write: the single source of truth. `extension-manifest.schema.json` is
 * generated from it (npm run generate).
 */
export const extensionManifestSchema = z
  .strictObject({
    apiVersion: z.literal('cloudstack.apache.org/v1').meta({
      description: 'The version of this format.',
      examples: ['cloudstack.apache.org/v1'],
    }),
    kind: z.literal('OrchestratorExtension').meta({
      description: 'What the manifest describes.',
      examples: ['OrchestratorExtension'],
    }),
    metadata: metadata.meta({ description: 'What people see of the extension.' }),
    source: source.meta({ description: 'Where the files come from.' }),
    spec: spec.meta({ description: 'What is installed.' }),
    enabled: enabled.exactOptional().meta({
      description: 'Whether it is active once installed. True if absent.',
      examples: [true],
    }),
    customActions: customActions.exactOptional().meta({
      description: 'Actions that operators run on a machine.',
      examples: [actionsExample()],
    }),
  })
  .meta({ title: 'Extension manifest' });

export type WrittenManifest = z.output<typeof extensionManifestSchema>;

function actionsExample(): z.input<typeof customActions> {
  return [
    {
      name: 'WriteTape',
      displayName: 'Write Tape',
      description: 'Writes this machine to a tape.',
      resourcetype: 'VirtualMachine',
      enabled: true,
      timeout: 600,
      allowedroletypes: ['Admin', 'DomainAdmin', 'User'],
      successmessage: 'Finished {{actionName}} of {{resourceName}}',
      errormessage: 'Could not finish {{actionName}} of {{resourceName}} with {{extensionName}}',
      details: { vendor: 'tape' },
      parameters: [
        { name: 'tape_label', type: 'STRING', required: true, valueoptions: 'full, incremental' },
      ],
    },
  ];
}

/** The JSON Schema of manifests for editors: what an author may write. */
export function extensionManifestJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(extensionManifestSchema, { io: 'input' }) };
}
