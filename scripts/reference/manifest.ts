import { stringify } from 'yaml';
import { moduleManifestJsonSchema } from '../../shared/manifest/index.ts';
import { identityKeys, registrationKeys } from '../../shared/manifest/normalise.ts';
import { actors } from './manifest-actors.ts';
import { describeType, listKeys, type Property } from './manifest-types.ts';

/**
 * docs/reference/modules/manifest.md: every field of a module manifest, with its type, meaning and
 * an example.
 */
export function manifestReference(): string {
  const { properties = {}, required = [] } = moduleManifestJsonSchema() as Property & {
    required?: string[];
  };
  const fields = Object.entries(properties).flatMap(([name, property]) =>
    fieldsOf([name], property),
  );
  const rows = fields.map(({ path, property }) => {
    const need = required.includes(path[0] as string) ? 'required' : defaultOf(property);
    const name = path.join('.');
    return `| [\`${name}\`](#${path.join('')}) | ${describeType(property)} | ${need} | ${actorOf(name)} |`;
  });

  return [
    '# The module manifest\n',
    '`manifest.yaml`, at the top of a module repository, says what a module ships, protects and needs. This page is generated from the',
    'schema by `npm run generate`; editors check manifests with the JSON Schema made from the same source when the first line is\n',
    '```yaml',
    '# yaml-language-server: $schema=.gantry/module-manifest.schema.json',
    '```\n',
    'which is what `gantry module init` writes. `gantry module validate` finds every problem in one run, each with line, column and key',
    'path. Only `name` is required; keys that are not here are errors. A module may ship nothing: a policy, users or units alone.',
    'The whole manifest below is valid as it stands; the examples of single fields are parts of one.\n',
    '| field | type | default | acted on by |',
    '|---|---|---|---|',
    ...rows,
    '',
    'A whole manifest:\n',
    fenced(wholeExample(fields)),
    ...fields.flatMap(sectionOf),
    globs,
    shipping,
    ranges,
    patterns,
    nestedForm(),
  ].join('\n');
}

interface Field {
  path: string[];
  property: Property;
}

/** Fields with examples; `dependencies` stands for the fields in it. */
function fieldsOf(path: string[], property: Property): Field[] {
  if (property.examples !== undefined || property.properties === undefined)
    return [{ path, property }];
  return Object.entries(property.properties).flatMap(([name, inner]) =>
    fieldsOf([...path, name], inner),
  );
}

function actorOf(name: string): string {
  const actor = actors[name];
  if (actor === undefined)
    throw new Error(`expected ${name} in scripts/reference/manifest-actors.ts, found nothing`);
  return actor;
}

function defaultOf({ default: value }: Property): string {
  return value === undefined ? '–' : `\`${JSON.stringify(value)}\``;
}

function sectionOf({ path, property }: Field): string[] {
  const { description = '', examples = [] } = property;
  if (description === '' || examples.length === 0) {
    throw new Error(
      `expected a description and an example of ${path.join('.')} in the manifest's schema`,
    );
  }

  const text = description.replaceAll('<', '&lt;');
  return [
    `## ${path.join('.')}\n`,
    `${text}\n`,
    ...keyTable(property),
    fenced(nested(path, examples[0])),
  ];
}

/** A row for each key of a mapping, or of the entries of a list. */
function keyTable(property: Property): string[] {
  const rows = listKeys(property).map(
    ({ name, type, required, about }) =>
      `| \`${name}\` | ${type} | ${required ? 'required' : ''} | ${about} |`,
  );
  return rows.length === 0 ? [] : ['| key | type | | meaning |', '|---|---|---|---|', ...rows, ''];
}

function nested(path: readonly string[], value: unknown): Record<string, unknown> {
  const [first = '', ...rest] = path;
  return { [first]: rest.length === 0 ? value : nested(rest, value) };
}

/**
 * Every field's example in one manifest, except the parent: a module with packages is no config
 * module.
 */
function wholeExample(fields: Field[]): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const { path, property } of fields) {
    const [first = '', second] = path;
    if (first === 'parent_module') continue;
    const value = property.examples?.[0];
    if (second === undefined) whole[first] = value;
    else whole[first] = { ...(whole[first] as object | undefined), [second]: value };
  }

  return whole;
}

function fenced(value: unknown): string {
  return `\`\`\`yaml\n${stringify(value)}\`\`\`\n`;
}

const globs = `## Globs

Patterns of \`file_spec\`, \`mask\`, \`protected_spec\`, \`dependency_spec\` and \`carve_waivers\` are rsync's:

| pattern | matches |
|---|---|
| \`/etc/redis.conf\` | that path: a leading \`/\` is the top of the tree |
| \`*.bak\`, \`redis/redis.conf\` | the end of any path |
| \`*\`, \`?\`, \`[a-z]\`, \`[!a-z]\` | any characters, one character, one of a class; none of them a \`/\` |
| \`**\` | any characters, \`/\` too |
| \`/etc/redis/\` | a directory, not a file of that name |
| \`/etc/redis/***\` | the directory and all in it |
| \`\\*\` | the character itself |

What a manifest selects from \`rootfs/\` is exactly what rsync selects with \`-a -m --exclude=<each mask> --include='*/'
--include=<each file_spec> --exclude='*'\`. Directories follow from the files in them; an empty one needs a \`.gitkeep\` that is selected.
`;

const shipping = `## What does not ship

\`gantry module validate\` and \`gantry module build\` warn by name of files of \`rootfs/\` that neither ship nor are
masked. They also name patterns of \`file_spec\` that match nothing (in a module without packages), and files that \`protected_spec\`
protects but that do not ship. They warn in capitals where nothing of \`rootfs/\` ships, or where a module has neither a file nor a package: machines
lose the files of the version before it.

A module with a \`parent_module\` and without a \`file_spec\` ships what the parent's \`dependency_spec\` selects from the \`rootfs/\` of the
child. Build and validate read the parent's manifest from the directory of its name beside the child's (\`../nginx\`), or from
\`--parent <dir>\`, and warn if it is not there. The built \`manifest.json\` has the globs as \`file_spec\`.
`;

const ranges = `## Ranges

| range | versions |
|---|---|
| \`^1.2\`, \`~1.2\`, \`>=1.2 <2\`, \`1.x\`, \`1.2 \\|\\| 3.x\`, \`*\` | as npm reads them |
| \`~> 1.2\`, \`~> 1.2.3\` | 1.2.0 up to 2.0.0, 1.2.3 up to 1.3.0 |
| \`!= 1.2.3\` | every other one |
| \`>= 1.2, < 2\` | a comma stands for a space |

Without a range any version will do. The range of a capability applies to the version that its provider states, else to the version of the
provider. [Composition](../../composition.md#names-and-capabilities) says which provider is chosen.
`;

const patterns = `## Three patterns

Variety and category belong to the registration (\`gantry module register\`); a \`category\` in the manifest is only compared with it.

- **Config override** (variety \`config\`): names a \`parent_module\`, ships files only, ranks above the parent.
- **Per-instance customisation** (variety \`instance\`): \`\${instance.<key>}\` in its text files becomes the machine's metadata.
- **Carve-out** (variety \`config\`): an entry that stands verbatim in both \`file_spec\` and \`mask\` ships, and the parent's protection of
  what it matches is lifted for this module.

Each is a repository in \`examples/patterns\`.
`;

function nestedForm(): string {
  const identity = identityKeys.map((key) => `| \`identity.${key}\` | \`${key}\` |`);
  return [
    '## The older, nested form\n',
    'Manifests of the older form are read as well, with a warning for each key that names the one to write:\n',
    '| older | write |',
    '|---|---|',
    ...identity,
    '| `file_spec.include` | `file_spec` |',
    '| `file_spec.exclude`, `file_spec.mask` | `mask` |',
    '| `dependency_spec: [{name: x}]` | `dependencies.requires: ["x@*"]` |',
    '',
    `${registrationKeys.map((key) => `\`${key}\``).join(', ')} are ignored with a warning, and so is \`identity.category\`: the registration has them.`,
    'A `parent_module` that differs from the registration’s is an error.',
    '',
  ].join('\n');
}
