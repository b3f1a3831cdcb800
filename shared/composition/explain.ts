import type { CompositionIndex, LayerName, PathExplanation } from '../domain/compose/index.ts';
import { shownPath } from '../domain/files/index.ts';
import { compileGlob, matches } from '../files/index.ts';
import { factsAt, placeOf } from './composition-index.ts';
import { ownerOf } from './preview.ts';

/** Answers why a path has the content that it has, or why nothing is there. `path` is absolute, without a trailing `/`. */
export function explainPath(index: CompositionIndex, path: string): PathExplanation {
  const place = placeOf(index, path);
  const facts = place === -1 ? null : factsAt(index, place);
  const present = facts === null ? null : { ...ownerOf(facts), rendered: facts.rendered };
  const explanation = {
    path,
    present,
    candidates: candidatesOf(index, path, present),
    protected_by: protectorsOf(index, path),
    carved_out: at(index.carved_out, path).map(([, from, by]) => ({
      path,
      from: nameOf(index, from),
      by: nameOf(index, by),
    })),
  };
  return { ...explanation, sentences: sentencesOf(explanation) };
}

type Explained = Omit<PathExplanation, 'sentences'>;

function nameOf(index: CompositionIndex, layer: number): LayerName {
  return index.layers[layer]?.name ?? '';
}

function at<T extends [string, ...unknown[]]>(list: readonly T[], path: string): T[] {
  return list.filter(([one]) => one === path);
}

function candidatesOf(
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
  for (const [, layer, by] of at(index.shadowed, path)) {
    found.push({ layer, outcome: 'shadowed', because_of: nameOf(index, by) });
  }
  for (const [, layer, by] of at(index.dropped, path)) {
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

function protectorsOf(index: CompositionIndex, path: string): Explained['protected_by'] {
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

function sentencesOf({
  path: whole,
  present,
  candidates,
  protected_by,
  carved_out,
}: Explained): string[] {
  const out: string[] = [];
  const path = shownPath(whole);
  const winner = candidates.find(({ outcome }) => outcome === 'wins');
  if (present === null) out.push(`Nothing is at ${path}.`);
  else if (present.type === 'directory') {
    const by = present.by ?? 'no module';
    out.push(
      `${path} is a directory; what modules have in it is merged, its mode and owner are those of ${by}.`,
    );
  } else if (winner !== undefined) {
    const how = present.rendered ? ', rendered for each machine' : '';
    out.push(
      `${path} is from ${winner.module} ${winner.version} (priority ${winner.priority})${how}.`,
    );
  }
  for (const { from, by } of carved_out)
    out.push(`${by} carves it out of the protection of its parent ${from}.`);
  const has = winner === undefined ? 'has a file there' : 'has it too';
  for (const { module, version, priority, outcome, because_of } of candidates) {
    if (outcome === 'shadowed') {
      out.push(
        `${module} ${version} (priority ${priority}) ${has}; that of ${because_of} covers it.`,
      );
    } else if (outcome === 'dropped') {
      out.push(
        `${module} ${version} (priority ${priority}) ${has}; it is dropped because ${because_of} protects the path.`,
      );
    }
  }
  for (const { module, as, what } of protected_by) {
    if (as === 'itself') out.push(`${module} protects it.`);
    else if (as === 'ancestor')
      out.push(`It must stay a directory, because ${module} protects ${shownPath(what)}.`);
    else out.push(`It is reserved for ${module}, which was granted ${shownPath(what)}.`);
  }
  return out;
}
