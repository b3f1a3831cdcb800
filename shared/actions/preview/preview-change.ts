import { isDeepStrictEqual } from 'node:util';
import { limits } from '../../base/limits/index.ts';
import {
  emptyIndex,
  explainUnmoved,
  findLostFiles,
  indexOf,
  type Move,
  previewComposition,
} from '../../composition/index.ts';
import type { Trial } from '../../contract/preview/index.ts';
import type {
  CompositionIndex,
  CompositionReport,
  InstanceChanges,
  LayerName,
  LostFiles,
  Preview,
  Privilege,
  ResolutionRecord,
} from '../../domain/compose/index.ts';
import { moveText, privilegeText, type TemplateView, viewOf } from '../../domain/compose/index.ts';
import type { Change } from '../../domain/operations/index.ts';
import type { Assignment, Metadata, Track } from '../../domain/templates/index.ts';
import { listAssignments } from '../../store/templates/index.ts';
import { composeView, findNewPrivileges } from '../compose/index.ts';
import { type InstanceFile, instanceFilesOf } from '../compositions/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { requireInstance } from '../machines/index.ts';
import { checkChanges, viewsOf } from '../operations/index.ts';
import { requireTemplate } from '../templates/index.ts';
import { readCurrentComposition } from './explain-path.ts';
import { type FilesOf, previewInstance, previewInstances } from './preview-instances.ts';
import { changeOf } from './trial.ts';

export interface ChangePreview {
  preview: Preview;
  /** Assignment metadata. */
  metadata: { module: LayerName; before: Metadata | null; after: Metadata | null }[];
  instances: InstanceChanges;
  /** Files that the changed module brings or drops, and that do not reach machines. */
  lost: LostFiles[];
  warnings: string[];
  /**
   * The limits of the lists. `counts`, `more`, `files_changed` and `more_lines` say how much was
   * left out.
   */
  bounds: { list_rows: number; list_bytes: number; instances: number; diff_lines: number };
}

const bounds: ChangePreview['bounds'] = {
  list_rows: limits.previewListMax,
  list_bytes: limits.previewListBytesMax,
  instances: limits.previewInstancesMax,
  diff_lines: limits.previewListMax,
};

/**
 * Returns the effects of a change on the machines of a template and track, compared with the
 * present composition. Stores nothing. Throws the same errors as the request, its check and its
 * composition, and `composition_too_large` for layers of more than `entriesMax` entries.
 */
export async function previewChange(
  services: Services,
  account: string,
  asked: { template_id: string; track: Track; change: Trial },
  entriesMax: number = limits.previewEntriesMax,
): Promise<ChangePreview> {
  const { template_id, track } = asked;
  const template = await requireTemplate(services, account, template_id);
  const assignments = await listAssignments(services.db, account, template_id);
  const change = await changeOf(services, template, assignments, asked.change);
  return previewChanges(services, account, { template_id, track, changes: [change] }, entriesMax);
}

/** The same for changes that are applied together. */
export async function previewChanges(
  services: Services,
  account: string,
  { template_id, track, changes }: { template_id: string; track: Track; changes: Change[] },
  entriesMax: number = limits.previewEntriesMax,
): Promise<ChangePreview> {
  const template = await requireTemplate(services, account, template_id);
  const assignments = await listAssignments(services.db, account, template_id);

  await checkChanges(services, { account, changes });
  const views = viewsOf(changes, nowIso(services));
  const view = views.template(viewOf(template, assignments));

  const now = await sideNow(services, account, { template_id, track, entriesMax });
  const then = await sideOf(services, view, { track, previous: now.resolution, entriesMax });
  const { warnings, ...rest } = difference(now, then);
  const moves = changes.flatMap((change) => moveOf(account, change, assignments) ?? []);
  const stay = moves.flatMap((move) => explainUnmoved(move, track, then.resolution) ?? []);

  const place = { account, template_id, track };
  const privileges = await newPrivilegesOf(services, place, now, then);
  const modules = changes.flatMap((change) => moduleOf(account, change, view.assignments) ?? []);
  const lost = modules.flatMap((module) => findLostFiles(then.report, module));

  return {
    ...rest,
    lost,
    warnings: [
      ...privileges,
      ...then.moves,
      ...stay,
      ...lost.map(({ message }) => message),
      ...warnings,
    ],
    metadata: changedMetadata(assignments, view.assignments),
    instances: await previewInstances(
      services,
      { account, template_id, track },
      filesOf(now, then),
    ),
  };
}

/** What machines would get besides files, in words. */
async function newPrivilegesOf(
  services: Services,
  place: { account: string; template_id: string; track: Track },
  now: Side,
  { privileges: after = [] }: Side,
): Promise<string[]> {
  const found = await findNewPrivileges(services, place, { replaced: now, after });
  return (found ?? []).map(privilegeText);
}

/** The module that a change removes from the template, or brings to another version. */
function moveOf(account: string, change: Change, assignments: readonly Assignment[]): Move | null {
  if (change.kind === 'assignment_remove') {
    const removed = assignments.find(({ id }) => id === change.assignment_id);
    return removed === undefined ? null : { module: removed.module, to: null };
  }

  if (change.kind !== 'version_promote' || change.to === 'retired' || change.to === 'built')
    return null;
  return { module: `${account}/${change.module}`, to: change };
}

/** The module that a change brings or alters; null if it removes one, or is about several. */
function moduleOf(
  account: string,
  change: Change,
  assignments: readonly Assignment[],
): LayerName | null {
  if (change.kind === 'assignment_add') return change.module;
  if (change.kind === 'assignment_update')
    return assignments.find(({ id }) => id === change.assignment_id)?.module ?? null;
  const move = moveOf(account, change, assignments);
  return move === null || move.to === null ? null : move.module;
}

/**
 * Returns the effects of a change of one instance: on its metadata and the files that are rendered
 * from it and, if its track changes, on all its content. Throws as `previewChange` does.
 * `instances` names each key that rendered files need and the metadata would lack. The change is
 * refused for such a key, unless the machine lacks it already.
 */
export async function previewInstanceChange(
  services: Services,
  account: string,
  { id, ...set }: { id: string } & Omit<Change<'instance_update'>, 'kind' | 'instance_id'>,
): Promise<ChangePreview> {
  const instance = await requireInstance(services, account, id);
  const { template_id } = instance;
  const change = { kind: 'instance_update', instance_id: id, ...set } as const;

  await checkChanges(services, { account, changes: [change] });

  const entriesMax = limits.previewEntriesMax;
  const at = { template_id, track: instance.track, entriesMax };
  const now = await sideNow(services, account, at);
  const { track, metadata } = viewsOf([change], nowIso(services)).instance(instance);
  const then =
    track === instance.track ? now : await composedSide(services, account, template_id, track);

  return {
    ...difference(now, then),
    lost: [],
    metadata: [],
    instances: await previewInstance(services, instance, { metadata, track }, filesOf(now, then)),
  };
}

/** One of the two sides of a preview. Its index is null if nothing is composed yet. */
interface Side {
  index: CompositionIndex | null;
  files: InstanceFile[];
  resolution: ResolutionRecord | null;
  report: CompositionReport;
  warnings: string[];
  /** What it brings of other accounts' modules, in words. */
  moves: string[];
  /** Absent in a composition of an older release. */
  privileges?: Privilege[];
}

const emptyReport: CompositionReport = {
  layers: [],
  dropped: [],
  shadowed: [],
  carved_out: [],
  warnings: [],
};

async function sideNow(
  services: Services,
  account: string,
  { entriesMax: filesMax, ...at }: { template_id: string; track: Track; entriesMax: number },
): Promise<Side> {
  const now = await readCurrentComposition(services, account, { ...at, filesMax });
  const nothing = { report: emptyReport, warnings: [], moves: [] };
  if (now === null) return { index: null, files: [], resolution: null, privileges: [], ...nothing };

  const { instance_files: files, metadata: _, ...current } = now;
  return { ...current, files, ...nothing };
}

async function sideOf(
  services: Services,
  view: TemplateView,
  options: Parameters<typeof composeView>[2],
): Promise<Side> {
  const { composition, warnings, resolution, moves, privileges } = await composeView(
    services,
    view,
    options,
  );

  return {
    index: indexOf(composition),
    files: instanceFilesOf(composition),
    resolution,
    report: composition.report,
    warnings: [...warnings, ...composition.report.warnings],
    moves: moves.map((move) => moveText(move, resolution)),
    privileges,
  };
}

/** Composes the present template for a track, which may have had no machine yet. */
async function composedSide(
  services: Services,
  account: string,
  template_id: string,
  track: Track,
): Promise<Side> {
  const template = await requireTemplate(services, account, template_id);
  const view = viewOf(template, await listAssignments(services.db, account, template_id));

  const entriesMax = limits.previewEntriesMax;
  const { resolution } = await sideNow(services, account, { template_id, track, entriesMax });
  return sideOf(services, view, { track, previous: resolution, entriesMax, closed: true });
}

function difference(now: Side, then: Side): Pick<ChangePreview, 'preview' | 'warnings' | 'bounds'> {
  const cut = { listMax: limits.previewListMax, listBytesMax: limits.previewListBytesMax };
  return {
    preview: previewComposition(now.index, then.index ?? emptyIndex, cut),
    warnings: then.warnings,
    bounds,
  };
}

function filesOf(now: Side, then: Side): FilesOf {
  return { before: now.files, after: then.files };
}

function changedMetadata(
  before: readonly Assignment[],
  after: readonly Assignment[],
): ChangePreview['metadata'] {
  const of = (list: readonly Assignment[], module: string) =>
    list.find((one) => one.module === module)?.metadata ?? null;
  return [...new Set([...before, ...after].map(({ module }) => module))]
    .sort()
    .map((module) => ({ module, before: of(before, module), after: of(after, module) }))
    .filter((one) => !isDeepStrictEqual(one.before ?? {}, one.after ?? {}));
}
