import { stringify } from 'yaml';
import { moduleManifestJsonSchema } from '../../shared/manifest/index.ts';
import { identityKeys, registrationKeys } from '../../shared/manifest/normalise.ts';

/** The parts of a property in the manifest's JSON Schema that the page needs. */
interface Property {
  type?: string;
  const?: unknown;
  description?: string;
  examples?: unknown[];
  default?: unknown;
  maxLength?: number;
  items?: Property;
  properties?: Record<string, Property>;
}

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
    return `| [\`${path.join('.')}\`](#${path.join('')}) | ${typeOf(property)} | ${need} |`;
  });

  return [
    '# The module manifest\n',
    '`manifest.yaml`, at the top of a module repository, says what a module ships, protects and needs. This page is generated from the',
    'schema by `npm run generate`; editors check manifests with the JSON Schema made from the same source when the first line is\n',
    '```yaml',
    '# yaml-language-server: $schema=.gantry/module-manifest.schema.json',
    '```\n',
    'which is what `gantry module init` writes. `gantry module validate` finds every problem in one run, each with line, column and key',
    'path. `package_spec` or `file_spec` has at least one entry; keys that are not here are errors. The whole manifest below is valid',
    'as it stands; the examples of single fields are parts of one.\n',
    '| field | type | default |',
    '|---|---|---|',
    ...rows,
    '',
    'A whole manifest:\n',
    fenced(wholeExample(fields)),
    ...fields.flatMap(sectionOf),
    globs,
    patterns,
    nestedForm(),
  ].join('\n');
}

interface Field {
  path: string[];
  property: Property;
}

/** Fields with values; a mapping stands for the fields in it. */
function fieldsOf(path: string[], property: Property): Field[] {
  if (property.properties === undefined) return [{ path, property }];
  return Object.entries(property.properties).flatMap(([name, inner]) =>
    fieldsOf([...path, name], inner),
  );
}

function typeOf({ type, const: only, items, maxLength }: Property): string {
  if (only !== undefined) return `the number ${JSON.stringify(only)}`;
  if (type === 'array') return `list of ${items?.type ?? 'value'}s`;
  return maxLength === undefined ? `${type}` : `${type}, at most ${maxLength} characters`;
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
  return [`## ${path.join('.')}\n`, `${text}\n`, fenced(nested(path, examples[0]))];
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

Patterns of \`file_spec\`, \`mask\` and \`protected_spec\` are rsync's:

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

const patterns = `## Three patterns

Category and variety are not written in the manifest: they belong to the registration (\`gantry module register\`).

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
    `${registrationKeys.map((key) => `\`${key}\``).join(', ')} are ignored with a warning: the registration has them.`,
    'A `parent_module` that differs from the registration’s is an error.',
    '',
  ].join('\n');
}
