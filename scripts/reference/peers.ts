import { type Cell, listCells } from '../interop/matrix/cells.ts';
import { forms } from '../interop/matrix/forms.ts';
import { knownLimits } from '../interop/matrix/limits.ts';
import { registries } from '../interop/matrix/registries.ts';
import { nameCell, readSeen } from '../interop/matrix/seen.ts';
import { tools } from '../interop/matrix/tools.ts';

/** What the last whole `npm run interop` saw of real registries and tools. */
export function peerReference(): string {
  const { programs, built } = readSeen();
  const versionOf = (name?: string) => (name === undefined ? 'this one' : (programs[name] ?? '–'));
  const all = listCells({ only: [], without: [] });

  const expected = all.filter(({ limit }) => limit === undefined);
  const seen = expected.filter((cell) => built[nameCell(cell)] !== undefined);
  const rest = seen.length < expected.length ? '; – stands for none' : '';
  const count = (cells: readonly Cell[]) => {
    const tried = cells.filter((cell) => seen.includes(cell)).length;
    return tried === 0 ? '–' : `${tried} of ${cells.length}`;
  };

  const places = (cells: readonly Cell[]) => {
    const found = cells.flatMap((cell) => built[nameCell(cell)]?.split(', ') ?? []);
    return (
      [...new Set(found)]
        .sort()
        .map((place) => `\`${place}\``)
        .join(', ') || '–'
    );
  };

  return [
    '# Registries and tools that were tried',
    '',
    '`npm run interop` lets real tools push modules to real registries, signs them in several forms, and takes each through',
    'register, poll, verify and ingest of a deployed platform. This page is made from its last runs.',
    `${seen.length} of ${expected.length} combinations were seen to end in a built version${rest}.`,
    '',
    ...table(
      ['registry', 'is', 'version'],
      registries.map(({ name, what, program }) => [name, what, versionOf(program)]),
    ),
    ...table(
      ['tool', 'runs', 'version'],
      tools.map(({ name, what, programs: [program] }) => [name, what, versionOf(program)]),
    ),
    ...table(
      ['form', 'is made by'],
      forms.map(({ name, what }) => [name, what]),
    ),
    'Images are platform modules. The tools that copy bring a signed artifact with its signature from a docker-registry.',
    '',
    '## Forms that were built',
    '',
    ...table(
      ['tool', ...registries.map(({ name }) => name)],
      tools.map((tool) => [
        tool.name,
        ...registries.map((registry) =>
          count(expected.filter((cell) => cell.tool === tool && cell.registry === registry)),
        ),
      ]),
    ),
    '## Where Gantry found the signature',
    '',
    '`referrers` is the referrers API, `fallback_tag` the tag `sha256-<hex>`, and `legacy_tag` the tag `sha256-<hex>.sig`.',
    '',
    ...table(
      ['form', ...registries.map(({ name }) => name)],
      forms.map((form) => [
        form.name,
        ...registries.map((registry) =>
          places(expected.filter((cell) => cell.form === form && cell.registry === registry)),
        ),
      ]),
    ),
    '## What does not work',
    '',
    ...table(
      ['tool', 'registry', 'form', 'reason'],
      knownLimits.map(({ tool, registry, form, reason }) => [
        ...[tool ?? 'any', registry ?? 'any', form ?? 'any', reason],
      ]),
    ),
  ].join('\n');
}

function table(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line), ''];
}
