import { stringify } from 'yaml';
import { limits } from '../../shared/base/limits/index.ts';
import { formatsOf, reservedActions } from '../../shared/domain/extensions/index.ts';
import { extensionManifestJsonSchema, extensionRoot } from '../../shared/extension/index.ts';
import { describeType, listKeys, type Property } from './manifest-types.ts';

/** docs/reference/extensions/manifest.md: every key of an extension's manifest, and its rules. */
export function extensionReference(): string {
  const { properties = {}, required = [] } = extensionManifestJsonSchema() as Property;
  const fields = Object.entries(properties).flatMap(([name, property]) =>
    fieldsOf([name], property, required.includes(name)),
  );

  return [
    '# The manifest of an extension\n',
    '`manifest.yaml` (or `manifest.yml`), at the root of a repository or archive, says what an extension is, which program it',
    'installs and which actions operators may run. It is the format of CloudStack’s extensions. This page is generated from the',
    'schema by `npm run generate`. Editors check manifests with the JSON Schema made from the same source,',
    '`shared/extension/extension-manifest.schema.json`:\n',
    '```yaml',
    '# yaml-language-server: $schema=extension-manifest.schema.json',
    '```\n',
    '`gantry extension validate` checks a directory, an archive or a manifest, or a link to one. It finds every problem in one run, each',
    'with line, column and key path. With `--json` it prints `{valid, errors, warnings, manifest, tree_digest}`. The exit code is 0 for a',
    'valid extension, 1 for an invalid one, and 2 if there is none to read.\n',
    '| key | type | | meaning |',
    '|---|---|---|---|',
    ...fields.flatMap(rowsOf),
    '',
    'A whole manifest:\n',
    `\`\`\`yaml\n${stringify(wholeExample(fields))}\`\`\`\n`,
    rules(),
  ].join('\n');
}

interface Field {
  path: string[];
  property: Property;
  isRequired: boolean;
}

/** Fields with examples; a mapping without any stands for the fields in it. */
function fieldsOf(path: string[], property: Property, isRequired: boolean): Field[] {
  if (property.examples !== undefined || property.properties === undefined)
    return [{ path, property, isRequired }];

  const { required = [] } = property;
  return Object.entries(property.properties).flatMap(([name, inner]) =>
    fieldsOf([...path, name], inner, isRequired && required.includes(name)),
  );
}

function rowsOf({ path, property, isRequired }: Field): string[] {
  const name = path.join('.');
  const suffix = property.type === 'array' ? '[].' : '.';
  return [
    { name, type: describeType(property), required: isRequired, about: property.description ?? '' },
    ...(otherPlaces.includes(name) ? [] : listKeys(property, `${name}${suffix}`)),
  ].map(
    (key) =>
      `| \`${key.name}\` | ${key.type} | ${key.required ? 'required' : ''} | ${key.about.replaceAll('<', '&lt;')} |`,
  );
}

/** Each key once: not the other places of a key, nor its other name. */
const otherPlaces = ['source.ref', 'spec.enabled', 'spec.customActions'];

function wholeExample(fields: Field[]): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const { path, property } of fields) {
    if (otherPlaces.includes(path.join('.'))) continue;
    const [first = '', second] = path;
    const value = property.examples?.[0];
    if (second === undefined) whole[first] = value;
    else whole[first] = { ...(whole[first] as object | undefined), [second]: value };
  }

  return whole;
}

function rules(): string {
  const formats = Object.entries(formatsOf).map(([type, names]) => {
    const rest = names.filter((name) => name !== 'NONE');
    return `| ${type} | ${values[type]} | ${rest.join(', ') || '–'} |`;
  });

  return `## What an archive may hold

An extension is the tree of its files, whatever archive brings it: a \`.zip\`, a \`.tar.gz\` or a directory. A sole top-level
directory, as forges make, is left out. \`tree_digest\` covers the path, mode (git's: a file may be run or not) and bytes of each
file, and the target of each link. So all archives of one commit have one digest.

| refused | code |
|---|---|
| paths and links that lead out of the tree, links to links, special files, names that differ only in case | \`archive_unsafe\` |
| more than ${limits.extensionEntriesMax} entries or ${limits.extensionBytesMax / 1024 ** 2} MiB | \`archive_too_large\` |
| other archives, and damaged ones | \`archive_invalid\` |

Names are in UTF-8.

## How values are read

Text keeps what its author wrote: \`4.20\`, \`1.0\` and \`0123456\` need no quotes. Details are texts too. Words such as
\`STRING\` or \`Admin\` are read in any case, with a warning. \`enabled\` and \`customActions\` may stand at the top or under \`spec\`; in
both places they must say the same. Unknown keys are errors.

- \`spec.entrypoint.targetDir\` is a folder of the extension’s own below \`${extensionRoot}\`. \`gantry extension
  validate --root <dir>\` checks against other folders.
- Versions of CloudStack have one to four numbers, and are compared number by number.
- Another \`kind\` than \`OrchestratorExtension\` is refused with \`unsupported_kind\`.

## Actions

Names are unique without regard to case. No action is called ${reservedActions.map((name) => `\`${name}\``).join(', ')}, because these are CloudStack’s
own verbs. Only the roles in \`allowedroletypes\` may run an action, and \`Admin\` always may. In \`successmessage\` and \`errormessage\`,
\`{{actionName}}\`, \`{{resourceName}}\` and \`{{extensionName}}\` are replaced.

| type | values | other formats |
|---|---|---|
${formats.join('\n')}

\`valueoptions\` lists the only values of a STRING or NUMBER: text with commas, or a list. Each must have the parameter’s format. A
PASSWORD has none, because everybody can read a manifest.
`;
}

const values: Record<string, string> = {
  BOOLEAN: '`true` or `false`',
  DATE: 'date with time and zone of RFC 3339: `2026-12-01T06:00:00Z`',
  NUMBER: 'a whole number; with DECIMAL any finite number',
  STRING: 'text that is not empty, of at most 64 KiB, without NUL',
};
