import type { CompositionIndex, LayerName, PathExplanation } from '../domain/compose/index.ts';
import { shownPath } from '../domain/files/index.ts';
import { compileGlob, matches } from '../files/index.ts';
import { findPlace, readFacts } from './composition-index.ts';
import { generatedOwner } from './generated.ts';
import { ownerOf } from './preview.ts';

/**
 * Explains why a path has its content, or why there is nothing. `path` is absolute, without a
 * trailing `/`.
 */
export function explainPath(index: CompositionIndex, path: string): PathExplanation {
  const place = findPlace(index, path);
  const facts = place === -1 ? null : readFacts(index, place);
  const present = facts === null ? null : { ...ownerOf(facts), rendered: facts.rendered };

  const explanation = {
    path,
    present,
    candidates: listCandidates(index, path, present),
    protected_by: listProtectors(index, path),
    carved_out: listAt(index.carved_out, path).map(([, from, by]) => ({
      path,
      from: nameOf(index, from),
      by: nameOf(index, by),
    })),
  };

  return { ...explanation, sentences: explainSentences(explanation) };
}

type Explained = Omit<PathExplanation, 'sentences'>;

function nameOf(index: CompositionIndex, layer: number): LayerName {
  return index.layers[layer]?.name ?? '';
}

function listAt<T extends [string, ...unknown[]]>(list: readonly T[], path: string): T[] {
  return list.filter(([one]) => one === path);
}

function listCandidates(
  index: CompositionIndex,
  path: string,
  present: Explained['present'],
): Explained['candidates'] {
  type Found = {
    layer: number;
    outcome: 'wins' | 'shadowed' | 'dropped';
    because_of: LayerName | null;
  };

  const found: Found[] = [];
  if (present !== null && present.type !== 'directory') {
    const layer = index.layers.findIndex(({ name }) => name === present.by);
    found.push({ layer, outcome: 'wins', because_of: null });
  }

  for (const [, layer, by] of listAt(index.shadowed, path)) {
    found.push({ layer, outcome: 'shadowed', because_of: nameOf(index, by) });
  }

  for (const [, layer, by] of listAt(index.dropped, path)) {
    found.push({ layer, outcome: 'dropped', because_of: nameOf(index, by) });
  }

  return found
    .sort((a, b) => b.layer - a.layer)
    .flatMap(({ layer, outcome, because_of }) => {
      const of = index.layers[layer];
      if (of === undefined) return [];
      return [{ module: of.name, version: of.version, priority: of.priority, outcome, because_of }];
    });
}

function listProtectors(index: CompositionIndex, path: string): Explained['protected_by'] {
  const out: Explained['protected_by'] = [];
  const above = new Set<number>();
  const below = path === '/' ? '/' : `${path}/`;

  for (const [one, by] of index.protected) {
    const module = nameOf(index, by);
    if (one === path) out.push({ module, as: 'itself', what: path });
    else if (one.startsWith(below) && !above.has(by)) {
      above.add(by);
      out.push({ module, as: 'ancestor', what: one });
    }
  }

  for (const [pattern, by] of index.reserved) {
    const module = nameOf(index, by);
    if (out.some((other) => other.module === module && other.as === 'itself')) continue;
    if (matches(compileGlob(pattern), path, false))
      out.push({ module, as: 'reservation', what: pattern });
  }

  return out;
}

function explainSentences({
  path: whole,
  present,
  candidates,
  protected_by,
  carved_out,
}: Explained): string[] {
  const path = shownPath(whole);
  const winner = candidates.find(({ outcome }) => outcome === 'wins');

  const out = [
    ...presenceSentence(path, present, winner),
    ...carved_out.map(
      ({ from, by }) => `${by} carves it out of the protection of its parent ${from}.`,
    ),
    ...candidates.flatMap((candidate) => describeLoser(candidate, winner !== undefined)),
  ];

  for (const { module, as, what } of protected_by) {
    if (as === 'itself') out.push(`${module} protects it.`);
    else if (as === 'ancestor')
      out.push(`It must stay a directory, because ${module} protects ${shownPath(what)}.`);
    else out.push(`It is reserved for ${module}, which was granted ${shownPath(what)}.`);
  }

  return out;
}

type Candidate = Explained['candidates'][number];

function presenceSentence(
  path: string,
  present: Explained['present'],
  winner: Candidate | undefined,
): string[] {
  if (present === null) return [`Nothing is at ${path}.`];

  if (present.type === 'directory') {
    const by = present.by ?? 'no module';
    return [
      `${path} is a directory; what modules have in it is merged, its mode and owner are those of ${by}.`,
    ];
  }

  if (present.by === generatedOwner)
    return [`${path} is generated from the manifests of the modules.`];
  if (winner === undefined) return [];
  const how = present.rendered ? ', rendered for each machine' : '';
  return [
    `${path} is from ${winner.module} ${winner.version} (priority ${winner.priority})${how}.`,
  ];
}

function describeLoser(
  { module, version, priority, outcome, because_of }: Candidate,
  hasWinner: boolean,
): string[] {
  const has = `${module} ${version} (priority ${priority}) ${hasWinner ? 'has it too' : 'has a file there'}`;
  if (outcome === 'shadowed') return [`${has}; that of ${because_of} covers it.`];
  if (outcome === 'dropped')
    return [`${has}; it is dropped because ${because_of} protects the path.`];
  return [];
}
