import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { reservedActions } from '../../../shared/domain/extensions/index.ts';
import {
  extensionManifestJsonSchema,
  parseExtensionManifest,
  validateExtensionManifest,
} from '../../../shared/extension/index.ts';
import { changed, manifestText } from './examples.ts';

const label = '      - name: label\n        type: STRING\n';
const action = '  - name: WriteTape\n';

/** Each changes one thing of a valid manifest: what, by what, where it is refused, and why. */
const refused: [from: string, to: string, path: string, message: RegExp][] = [
  ['cloudstack.apache.org/v1', 'cloudstack.apache.org/v2', 'apiVersion', /expected cloudstack/],
  [
    'kind: OrchestratorExtension',
    'kind: [a]',
    'kind',
    /expected OrchestratorExtension, found a list/,
  ],
  ['name: tape-backup', 'name: ../x', 'metadata.name', /the first a letter or digit/],
  ['name: tape-backup', 'name: a/b', 'metadata.name', /letters, digits/],
  ['displayName: Tape Backup', 'displayName: " "', 'metadata.displayName', /not blank/],
  [
    '  maintainer: Storage Team <storage@example.com>\n',
    '',
    'metadata.maintainer',
    /found nothing/,
  ],
  ['version: 1.2.0', 'version: 1.0', 'metadata.version', /semantic version.*found "1.0"/],
  ['version: 1.2.0', 'version: v1.2.0', 'metadata.version', /semantic version/],
  [
    'version: 1.2.0\n',
    'version: 1.2.0\n  homepage: ftp://a.example\n',
    'metadata.homepage',
    /http/,
  ],
  ['type: git', 'type: svn', 'source.type', /git or archive/],
  ['https://github.com', 'http://github.com', 'source.url', /begins with https/],
  ['https://github.com', 'https://me:secret@github.com', 'source.url', /without a user name/],
  ['refs: v1.2.0', 'refs: -x', 'source.refs', /branch or tag/],
  ['refs: v1.2.0', 'refs: a..b', 'source.refs', /branch or tag/],
  ['refs: v1.2.0', 'refs: main\n  ref: dev', 'source.ref', /refs alone/],
  ['type: Orchestrator\n', 'type: NetworkOrchestrator\n', 'spec.type', /Orchestrator, found/],
  ['minVersion: 4.23.0', 'minVersion: 4.x', 'spec.compatibility.cloudstack.minVersion', /numbers/],
  [
    'minVersion: 4.23.0',
    'minVersion: 4.23.0.1.2',
    'spec.compatibility.cloudstack.minVersion',
    /four/,
  ],
  [
    'minVersion: 4.23.0',
    'minVersion: 4.23.0\n      maxVersion: 4.9',
    'spec.compatibility.cloudstack.maxVersion',
    /at least minVersion 4.23.0/,
  ],
  ['path: tape.py', 'path: ../tape.py', 'spec.entrypoint.path', /relative path/],
  ['path: tape.py', 'path: a/../../tape.py', 'spec.entrypoint.path', /relative path/],
  ['path: tape.py', 'path: a//tape.py', 'spec.entrypoint.path', /relative path/],
  ['path: tape.py', 'path: ./tape.py', 'spec.entrypoint.path', /relative path/],
  ['path: tape.py', String.raw`path: bin\tape.py`, 'spec.entrypoint.path', /relative path/],
  ['extensions/tape-backup', 'extensions', 'spec.entrypoint.targetDir', /a folder below/],
  ['extensions/tape-backup', 'extensions/', 'spec.entrypoint.targetDir', /a folder below/],
  ['extensions/tape-backup', 'extensions/../x', 'spec.entrypoint.targetDir', /absolute path/],
  ['extensions/tape-backup', 'extensions-2/x', 'spec.entrypoint.targetDir', /a folder below/],
  ['enabled: true', 'enabled: yes', 'enabled', /true or false, found "yes"/],
  ['enabled: true', 'enabled: true\nicon: x', 'icon', /unknown key/],
  ['enabled: true', 'enabled: true\nversion: 1.0.0', 'version', /mean metadata.version/],
  ['    library: east', '    library: east\n  enabled: false', 'spec.enabled', /enabled once/],
  ['    library: east', '    library: east\n  customActions: []', 'spec.customActions', /once/],
  ['timeout: 600', 'timeout: 0', 'customActions[0].timeout', /from 1 to 3600/],
  ['timeout: 600', 'timeout: 3601', 'customActions[0].timeout', /from 1 to 3600/],
  ['timeout: 600', 'timeout: 1.5', 'customActions[0].timeout', /whole number/],
  ['timeout: 600', 'timeOut: 600', 'customActions[0].timeOut', /did you mean timeout/],
  ['timeout: 600', 'displayname: x', 'customActions[0].displayname', /did you mean displayName/],
  ['timeout: 600', 'allowedroletypes: [Root]', 'customActions[0].allowedroletypes[0]', /Admin or/],
  ['timeout: 600', 'resourcetype: Network', 'customActions[0].resourcetype', /VirtualMachine/],
  ['timeout: 600', 'successmessage: ""', 'customActions[0].successmessage', /not blank/],
  ['name: WriteTape', 'name: Write;Tape', 'customActions[0].name', /letters, digits, spaces/],
  ['name: WriteTape', 'name: "  "', 'customActions[0].name', /letters, digits, spaces/],
  [
    action,
    `${action}  - name: writetape\n`,
    'customActions[1].name',
    /found "writetape" after "WriteTape"/,
  ],
  [label, label + label, 'customActions[0].parameters[1].name', /no other entry has/],
  ['name: label', 'name: a=b', 'customActions[0].parameters[0].name', /without "="/],
  ['type: STRING', 'type: INTEGER', 'customActions[0].parameters[0].type', /BOOLEAN or DATE/],
  [
    'type: STRING',
    'type: NUMBER\n        validationformat: EMAIL',
    'customActions[0].parameters[0].validationformat',
    /NONE or DECIMAL for the type NUMBER, found EMAIL/,
  ],
  [
    'type: STRING',
    'type: BOOLEAN\n        valueoptions: "true,false"',
    'customActions[0].parameters[0].valueoptions',
    /no options for the type BOOLEAN/,
  ],
  [
    'type: STRING',
    'type: STRING\n        validationformat: PASSWORD\n        valueoptions: a',
    'customActions[0].parameters[0].valueoptions',
    /everybody can read/,
  ],
  [
    'type: STRING',
    'type: NUMBER\n        valueoptions: [1, 2.5]',
    'customActions[0].parameters[0].valueoptions',
    /format NUMBER, found "2.5"/,
  ],
];

describe('a manifest with one wrong value', () => {
  test.each(refused)('%j as %j is refused at %s', (from, to, path, message) => {
    const { valid, errors, manifest } = validateExtensionManifest(changed(from, to));
    expect(errors.map((found) => found.path)).toEqual([path]);
    expect(errors[0]?.message).toMatch(message);
    expect({ valid, manifest }).toEqual({ valid: false, manifest: null });
  });

  test.each(reservedActions)('no action is called %s, in any case', (verb) => {
    const name = verb.toUpperCase();
    const { errors } = validateExtensionManifest(changed('WriteTape', name));
    expect(errors).toMatchObject([{ path: 'customActions[0].name' }]);
    expect(errors[0]?.message).toContain(`found "${name}"`);
  });

  test('all problems are found at the same time, each at its place', () => {
    const text = changed('version: 1.2.0', 'version: banana')
      .replace('timeout: 600', 'timeout: -1')
      .replace('type: STRING', 'type: text');
    expect(validateExtensionManifest(text).errors.map(({ line, path }) => [line, path])).toEqual([
      [7, 'metadata.version'],
      [26, 'customActions[0].timeout'],
      [29, 'customActions[0].parameters[0].type'],
    ]);
  });

  test('another kind has its own code, and no rule of this schema is tried', () => {
    const text = 'apiVersion: x\nkind: NetworkOrchestrator\nspec: 1\n';
    expect(() => parseExtensionManifest(text)).toThrow(
      expect.objectContaining({ code: 'unsupported_kind', field: 'kind' }),
    );
    expect(validateExtensionManifest(text).errors).toHaveLength(1);
  });

  test('a longer text than a manifest has is refused unread', () => {
    const { errors } = validateExtensionManifest(`${manifestText}#${'x'.repeat(256 * 1024)}`);
    expect(errors).toMatchObject([{ line: 1, path: '' }]);
  });
});

describe('the canonical form', () => {
  test('has every default, and Admin among the roles', () => {
    const text = changed('timeout: 600', 'allowedroletypes: [User, User]');
    const { manifest, warnings } = parseExtensionManifest(text);
    expect(warnings).toEqual([]);
    expect(manifest.customActions).toEqual([
      {
        name: 'WriteTape',
        resourcetype: 'VirtualMachine',
        enabled: true,
        timeout: 60,
        allowedroletypes: ['Admin', 'User'],
        details: {},
        parameters: [
          {
            name: 'label',
            type: 'STRING',
            required: false,
            validationformat: 'NONE',
            valueoptions: [],
          },
        ],
      },
    ]);
    const alone = changed('timeout: 600', 'timeout: 5');
    expect(parseExtensionManifest(alone).manifest.customActions[0]?.allowedroletypes).toEqual([
      'Admin',
    ]);
  });

  test('is the same whether actions stand at the top or under spec', () => {
    const at = manifestText.indexOf('enabled: true');
    const [head, tail] = [manifestText.slice(0, at), manifestText.slice(at)];
    const underSpec = head + tail.replaceAll(/^(?=.)/gm, '  ');
    expect(parseExtensionManifest(underSpec)).toEqual(parseExtensionManifest(manifestText));
    expect(parseExtensionManifest(head + tail.replaceAll(/^(?=.)/gm, '  ') + tail)).toEqual(
      parseExtensionManifest(manifestText),
    );
  });

  test('takes options as text with commas or as a list, which may hold commas', () => {
    const options = (given: string) =>
      parseExtensionManifest(
        changed('type: STRING', `type: STRING\n        valueoptions: ${given}`),
      ).manifest.customActions[0]?.parameters[0]?.valueoptions;
    expect(options('" full, incremental,,"')).toEqual(['full', 'incremental']);
    expect(options('["a,b", 4.20]')).toEqual(['a,b', '4.20']);
    expect(options('0123')).toEqual(['0123']);
  });

  test('keeps the source text where YAML reads numbers, true or false', () => {
    const text = changed('refs: v1.2.0', 'refs: 0123456')
      .replace('4.23.0', '4.20')
      .replace('library: east', 'library: 1.0\n    on: true\n    deep: [{n: 007}]\n    none:')
      .replace('Tape Backup', '2026');
    const { manifest } = parseExtensionManifest(text);
    expect(manifest.source.refs).toBe('0123456');
    expect(manifest.spec.compatibility.cloudstack.minVersion).toBe('4.20');
    expect(manifest.metadata.displayName).toBe('2026');
    expect(manifest.spec.details).toEqual({
      library: '1.0',
      on: 'true',
      deep: [{ n: '007' }],
      none: null,
    });
    expect(parseExtensionManifest(changed('v1.2.0', '123e4567')).manifest.source.refs).toBe(
      '123e4567',
    );
  });

  test('drops the slash at the end of targetDir', () => {
    const { manifest } = parseExtensionManifest(changed('/tape-backup\n  d', '/tape-backup/\n  d'));
    expect(manifest.spec.entrypoint.targetDir).toMatch(/extensions\/tape-backup$/);
  });

  test('an account may allow other folders', () => {
    const text = changed('/usr/share/cloudstack-management/extensions/', '/opt/ext/');
    expect(validateExtensionManifest(text).valid).toBe(false);
    expect(validateExtensionManifest(text, { roots: ['/opt/ext'] }).valid).toBe(true);
  });
});

/** What draws a warning: what, by what, where, and why. */
const warned: [from: string, to: string, path: string, message: RegExp][] = [
  ['refs: v1.2.0', 'ref: v1.2.0', 'source.ref', /write refs/],
  ['  refs: v1.2.0\n', '', 'source.refs', /default branch/],
  ['type: git', 'type: GIT', 'source.type', /GIT is read as git/],
  ['type: Orchestrator\n', 'type: orchestrator\n', 'spec.type', /write Orchestrator/],
  [
    '  details:\n',
    '  orchestrator: {requiresPrepareVm: true}\n  details:\n',
    'spec.orchestrator.requiresPrepareVm',
    /no effect here/,
  ],
  ['timeout: 600', 'resourcetype: virtualmachine', 'customActions[0].resourcetype', /VirtualM/],
  ['timeout: 600', 'allowedroletypes: [user]', 'customActions[0].allowedroletypes[0]', /User/],
  [
    'timeout: 600',
    'errormessage: "{{actionName}} of {{vm}}"',
    'customActions[0].errormessage',
    /\{\{vm\}\} stays as it is/,
  ],
];

test.each(warned)('%j as %j draws a warning at %s', (from, to, path, message) => {
  const { valid, warnings } = validateExtensionManifest(changed(from, to));
  expect(valid).toBe(true);
  expect(warnings.map((found) => found.path)).toEqual([path]);
  expect(warnings[0]?.message).toMatch(message);
});

test('`ref` is read as `refs`', () => {
  const { manifest } = parseExtensionManifest(changed('refs: v1.2.0', 'ref: v1.2.0'));
  expect(manifest.source).toEqual({
    type: 'git',
    url: 'https://github.com/example/tape-backup',
    refs: 'v1.2.0',
  });
});

test('the schema for editors names every key, with meaning and example', () => {
  const schema = JSON.stringify(extensionManifestJsonSchema());
  for (const key of ['customActions', 'valueoptions', 'targetDir', 'minVersion'])
    expect(schema).toContain(`"${key}"`);
});

test('the whole manifest of the reference page is valid', () => {
  const page = readFileSync('docs/reference/extensions/manifest.md', 'utf8');
  const [, whole = ''] = page.match(/A whole manifest:\s+```yaml\n([\s\S]*?)```/) ?? [];
  expect(validateExtensionManifest(whole)).toMatchObject({ valid: true, warnings: [] });
});
