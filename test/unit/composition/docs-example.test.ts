import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  compose,
  explainPath,
  indexOf,
  layerPriority,
  previewComposition,
  resolve,
  type VersionChoice,
} from '../../../shared/composition/index.ts';
import {
  seededCategories,
  splitProvided,
  type Variety,
} from '../../../shared/domain/modules/index.ts';
import { layer } from './factory.ts';

interface Example {
  version: string;
  category: string;
  variety?: Variety;
  parent_module?: string;
  requires?: string[];
  provides?: string[];
  package_spec?: string[];
  file_spec?: string[];
  mask?: string[];
  protected_spec?: string[];
  granted_reservations?: string[];
  ships: string[];
}

const page = readFileSync(new URL('../../../docs/composition.md', import.meta.url), 'utf8');

/** The data of the page's fenced block of a name. */
function block<T>(name: string): T {
  const [, text] = new RegExp(`^\`\`\`yaml ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  if (text === undefined)
    throw new Error(`expected a block "yaml ${name}" in docs/composition.md, found none`);
  const data: T = parse(text);
  return data;
}

const modules = block<Record<string, Example>>('modules');

function priorityOf(name: string): number {
  const { category, variety = 'subscription', parent_module } = modules[name] as Example;
  return layerPriority({
    categoryPosition:
      seededCategories.find(({ slug }) => slug === category)?.position ?? Number.NaN,
    variety,
    parentPriority: parent_module === undefined ? null : priorityOf(parent_module),
    effectivePriority: null,
  });
}

function requirement(text: string) {
  const [module = '', constraint = null] = text.split('@');
  return { module, constraint };
}

function composed(assigned: string[]) {
  type Choice = VersionChoice & { of: Example };
  const available = (name: string): Choice[] | null => {
    const of = modules[name];
    return of === undefined
      ? null
      : [{ id: name, version_string: of.version, standing: 'offered', of }];
  };

  const resolution = resolve<Choice>({
    account: 'acme',
    assigned: assigned.map(requirement),
    available,
    requires: ({ of }) => (of.requires ?? []).map(requirement),
    provides: ({ of }) => (of.provides ?? []).map(splitProvided),
    providers: (_, account) =>
      Object.keys(modules).filter((name) => name.startsWith(`${account}/`)),
  });

  const layers = resolution.modules.map(({ module, choice: { of } }) => {
    const { ships, version, variety = 'subscription', parent_module = null } = of;
    const {
      protected_spec = [],
      granted_reservations = [],
      file_spec = [],
      mask = [],
      package_spec = [],
    } = of;

    const manifest = {
      version,
      variety,
      parent_module,
      protected_spec,
      granted_reservations,
      file_spec,
      mask,
      package_spec,
    };

    return layer(module, priorityOf(module), ships, manifest);
  });

  return { ...resolution, composition: compose(layers) };
}

const { composition, record } = composed(block<string[]>('assigned'));

it('resolves and ranks the modules as the page says', () => {
  const lines = composition.report.layers.map(
    ({ name, version, priority }) =>
      `${name} ${version}, priority ${priority}, ${record.modules[name]?.chains.map((chain) => chain.join(' → ')).join(' and ')}`,
  );
  expect(lines).toEqual(block('layers'));
});

it('gives each path to the module that the page names', () => {
  const { dropped, shadowed, carved_out, warnings } = composition.report;
  expect({
    owners: Object.fromEntries(composition.owners),
    rendered: Object.fromEntries(
      composition.instance_files.map(({ module, entry }) => [entry.path, module]),
    ),
    dropped,
    shadowed,
    carved_out,
    warnings,
  }).toEqual(block('outcome'));
});

it('explains a path as the page does', () => {
  expect(explainPath(indexOf(composition), '/etc/chrony/chrony.conf').sentences).toEqual(
    block('why'),
  );
});

it('previews the removal as the page does', () => {
  const without = block<string[]>('assigned').filter((text) => !text.startsWith('acme/my-redis'));
  const preview = previewComposition(indexOf(composition), indexOf(composed(without).composition));
  const pathsOf = (list: { path: string }[]) => list.map(({ path }) => path);

  expect({
    modules: preview.modules.map(({ module }) => module),
    packages_removed: preview.packages.removed.map((one) => one.package),
    added: pathsOf(preview.added),
    removed: pathsOf(preview.removed),
    changed: preview.changed,
  }).toEqual(block('preview'));
});
