import { limits } from '../base/limits/index.ts';
import type { CompositionReport, LayerName, LostFiles } from '../domain/compose/index.ts';
import { carveOutCure } from '../manifest/index.ts';

/**
 * The files that a module brings and that do not reach machines: those that protection drops, and
 * those that higher layers shadow if nothing else of the module is left. Files of other modules
 * that its protection drops count as well, each with its own module.
 */
export function findLostFiles(report: CompositionReport, module: LayerName): LostFiles[] {
  const files = report.layers.find(({ name }) => name === module)?.files ?? 0;
  const dropped = report.dropped.filter(({ from }) => from === module);
  const shadowed = report.shadowed.filter(({ from }) => from === module);
  const nothing_left = files > 0 && dropped.length + shadowed.length >= files;

  const of = (how: LostFiles['how'], from: LayerName, left: boolean) => (group: Group) =>
    describeLoss({ how, module: from, nothing_left: left, ...group });
  const others = report.dropped.filter((one) => one.because_of === module && one.from !== module);

  return [
    ...groupBy(dropped, (one) => one.because_of).map(of('dropped', module, nothing_left)),
    ...(nothing_left
      ? groupBy(shadowed, ({ by }) => by).map(of('shadowed', module, nothing_left))
      : []),
    ...groupBy(others, ({ from }) => from).map(({ because_of: from, paths }) =>
      of('dropped', from, false)({ because_of: module, paths }),
    ),
  ];
}

interface Group {
  because_of: LayerName;
  paths: string[];
}

function groupBy<Row extends { path: string }>(
  rows: readonly Row[],
  nameOf: (row: Row) => LayerName,
): Group[] {
  const groups = new Map<LayerName, string[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const paths = groups.get(name) ?? [];
    groups.set(name, paths);
    paths.push(row.path);
  }
  return [...groups].map(([because_of, paths]) => ({ because_of, paths }));
}

function describeLoss({
  how,
  module,
  because_of,
  paths,
  nothing_left,
}: Group & Pick<LostFiles, 'how' | 'module' | 'nothing_left'>): LostFiles {
  const shown = paths.slice(0, limits.lostPathsShown);
  const more = paths.length - shown.length;
  const named = `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;

  const what =
    how === 'dropped'
      ? `${because_of} protects ${named}, so that of ${module} is dropped; ${carveOutCure(module, because_of)}`
      : `${because_of} ranks higher and covers ${named} of ${module}; set a higher priority in the assignment of ${module} to replace it`;
  const message = nothing_left ? `nothing of ${module} reaches machines: ${what}` : what;

  return { module, how, because_of, paths: shown, count: paths.length, nothing_left, message };
}
