import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { composefsImage } from '../../composefs/index.ts';
import { encodeIndex, indexOf } from '../../composition/index.ts';
import type { ComposeMessage } from '../../contract/messages.ts';
import { type DesiredLayer, generatedFormat } from '../../contract/reconcile/index.ts';
import {
  type ChangedViews,
  type CompositionLayer,
  type DependencyMove,
  type LayerName,
  type TemplateComposition,
  viewOf,
} from '../../domain/compose/index.ts';
import { objectKeys, putByDigest } from '../../store/objects.ts';
import { getTemplate, listAssignments } from '../../store/templates/index.ts';
import { type CompositionRecord, instanceFilesOf } from '../compositions/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { composeView } from './compose-view.ts';
import { moduleNotes } from './considered-modules.ts';

/**
 * Composes a template and stores image, index and record, each named by its content. Null when the
 * template is gone.
 * @param before the composition in place, and `replaced` what it consists of
 * @param changed what changes the template; null to compose it as it is
 * @param agreed the versions of other accounts that reviewers were asked about
 */
export async function makeComposition(
  services: Services,
  message: ComposeMessage,
  {
    before,
    replaced,
    changed,
    agreed,
  }: {
    before: TemplateComposition | null;
    replaced: CompositionRecord | null;
    changed: ChangedViews | null;
    agreed?: readonly DependencyMove[];
  },
) {
  const { account, template_id, track } = message;
  const made_at = nowIso(services);
  const template = await getTemplate(services.db, account, template_id);
  if (template === null) return null;

  const current = viewOf(template, await listAssignments(services.db, account, template_id));
  const view = changed === null ? current : changed.template(current);

  const composed = await composeView(services, view, {
    track,
    previous: replaced?.resolution ?? null,
    // A change of a machine alone alters no template, so it brings nothing.
    closed: view === current || agreed !== undefined,
    ...(agreed === undefined ? {} : { agreed }),
    entriesMax: limits.composeEntriesMax,
    note: moduleNotes(services, message, before),
  });

  const { composition, warnings, resolution, considered, moves, privileges } = composed;
  const { image, digest } = composefsImage(composition.entries);
  const composition_digest = `sha256:${digest}`;
  const image_key = objectKeys.image(account, composition_digest);

  await putByDigest(
    services.objects,
    { key: image_key, body: image, type: 'application/octet-stream' },
    services.now(),
  );

  const index = indexOf(composition);
  // The name is the hash before compression, because another zlib may compress to other bytes.
  const index_key = objectKeys.compositionIndex(
    account,
    `sha256:${sha256Hex(JSON.stringify(index))}`,
  );

  await putByDigest(
    services.objects,
    { key: index_key, body: encodeIndex(index), type: 'application/gzip' },
    services.now(),
  );

  const record: CompositionRecord = {
    format: 1,
    composition_digest,
    generated_format: generatedFormat,
    image: { key: image_key, sha256: sha256Hex(image), length: image.length },
    layers: composition.layers.map((layer) => desiredLayerOf(layer, composition.effective_masks)),
    instance_files: instanceFilesOf(composition),
    metadata: Object.fromEntries(
      view.assignments.map(({ module, metadata }) => [module, metadata]),
    ),
    report: { ...composition.report, warnings: [...warnings, ...composition.report.warnings] },
    resolution,
    ...(composition.services === undefined ? {} : { services: composition.services }),
    privileges,
    index_key,
  };

  const text = JSON.stringify(record);
  const report_key = objectKeys.composition(account, `sha256:${sha256Hex(text)}`);

  await putByDigest(
    services.objects,
    { key: report_key, body: text, type: 'application/json' },
    services.now(),
  );
  const { revision: template_revision } = view.template;
  return { record, report_key, template_revision, made_at, modules: considered, moves };
}

function desiredLayerOf(
  layer: CompositionLayer,
  masks: ReadonlyMap<LayerName, string[]>,
): DesiredLayer {
  const {
    protected_spec: _,
    file_spec: __,
    mask: ___,
    package_spec: ____,
    effects: _____,
    manifest: ______,
    entries: _______,
    ...rest
  } = layer;
  return { ...rest, effective_mask: masks.get(`${layer.account}/${layer.module}`) ?? [] };
}
