import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  decodeIndex,
  explainPath,
  type TruncatedReport,
  truncateList,
  truncateReport,
} from '../../composition/index.ts';
import type {
  CompositionIndex,
  GeneratedService,
  LayerName,
  PathExplanation,
  Privilege,
  ResolutionRecord,
  TemplateComposition,
} from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import { getBytes } from '../../store/objects.ts';
import { type CompositionRecord, readRecord } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';
import { requireTemplate } from '../templates/index.ts';

/** Explains why a path of a template's machines has its content, or has none. */
export async function explainTemplatePath(
  services: Services,
  account: string,
  where: { template_id: string; track: Track; path: string },
): Promise<PathExplanation> {
  await requireTemplate(services, account, where.template_id);
  const current = await readCurrentComposition(services, account, where);
  if (current === null) throw notComposed(where.track);
  return explainPath(current.index, where.path === '/' ? '/' : where.path.replace(/\/$/, ''));
}

/**
 * Returns the current composition of a track of a template, and its report with lists that fit a
 * response.
 */
export async function readComposition(
  services: Services,
  account: string,
  { template_id, track }: { template_id: string; track: Track },
): Promise<{
  composition: TemplateComposition;
  report: TruncatedReport;
  services: ShownService[];
  privileges: Privilege[];
}> {
  await requireTemplate(services, account, template_id);
  const composition = await getComposition(services.db, account, template_id, track);
  if (composition === null) throw notComposed(track);

  const record = await readRecord(services, composition.report_key);
  const { report, services: units = [], privileges = [] } = record;
  const bounds = { listMax: limits.previewListMax, listBytesMax: limits.previewListBytesMax };
  return {
    composition,
    report: truncateReport(report, bounds),
    services: truncateList(units.map(shownService), bounds),
    privileges: truncateList(privileges, bounds),
  };
}

/** A service as people look at it. */
interface ShownService {
  unit: string;
  /** `<account>/<name>`. */
  module: LayerName;
  managed: GeneratedService['managed'];
  after: string[];
  /** The name of who runs it; null for root. */
  user: string | null;
  reboot_required: boolean;
}

function shownService({ account, module, user, ...service }: GeneratedService): ShownService {
  const { unit, managed, after, reboot_required } = service;
  const whose = { module: `${account}/${module}`, user: user?.name ?? null };
  return { unit, managed, after, reboot_required, ...whose };
}

function notComposed(track: Track): GantryError {
  return new GantryError(
    'not_found',
    `expected a composition for the track ${track} of the template, found none yet. ` +
      'Live is composed once a module is assigned, staging once a machine is on it',
  );
}

export interface CurrentComposition {
  index: CompositionIndex;
  metadata: CompositionRecord['metadata'];
  instance_files: CompositionRecord['instance_files'];
  resolution: ResolutionRecord | null;
  /** Absent in a composition of an older release. */
  privileges?: Privilege[];
}

/**
 * Returns the present composition index of a template and track; null before the first composition.
 * Throws `composition_too_large` if the layers have more than `filesMax` files, before it reads
 * their index.
 */
export async function readCurrentComposition(
  services: Services,
  account: string,
  {
    template_id,
    track,
    filesMax = Number.POSITIVE_INFINITY,
  }: { template_id: string; track: Track; filesMax?: number },
): Promise<CurrentComposition | null> {
  const pointer = await getComposition(services.db, account, template_id, track);
  if (pointer === null) return null;

  const record = await readRecord(services, pointer.report_key);
  const { index_key, metadata, instance_files, resolution, privileges } = record;

  const files = record.report.layers.reduce((sum, layer) => sum + layer.files, 0);
  if (files > filesMax) {
    throw new GantryError(
      'composition_too_large',
      `expected at most ${filesMax} files in all layers, found ${files}`,
      { expected: filesMax, found: files },
    );
  }

  const sha256 = /\/sha256\/([0-9a-f]{64})\./.exec(index_key)?.[1];
  const index = decodeIndex(await getBytes(services.objects, index_key), sha256);
  const current = { index, metadata, instance_files, resolution };
  return privileges === undefined ? current : { ...current, privileges };
}
