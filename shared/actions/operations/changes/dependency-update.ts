import { GantryError } from '../../../base/error.ts';
import { notFoundError } from '../../../base/not-found.ts';
import { versionChoices } from '../../../composition/index.ts';
import { type Dependency, newDependency } from '../../../domain/compose/index.ts';
import {
  type Module,
  type Version,
  warnOfVersion,
  withheldBy,
} from '../../../domain/modules/index.ts';
import type { Change } from '../../../domain/operations/index.ts';
import { splitModule, type Template } from '../../../domain/templates/index.ts';
import { getDependency, putDependency } from '../../../store/compose/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getModule, getVersion } from '../../../store/modules/index.ts';
import { enqueue, type Services } from '../../context/index.ts';
import { requireTemplate } from '../../templates/index.ts';
import { type ChangeKind, nothingFollows, sameInstance } from './change-kind.ts';
import { stateFact, versionFacts, warnDowngrade, warnPrivileged } from './review-text.ts';

type Update = Change<'dependency_update'>;

export interface DependencyRows {
  template: Template;
  /** Null before anything was decided about the module. */
  dependency: Dependency | null;
  module: Module;
  from: Version;
  version: Version;
}

/** Moves a template to a version of another account's module, on one track. */
export const dependencyUpdate: ChangeKind<'dependency_update', DependencyRows> = {
  action: () => 'dependency_update',
  policy: (_, inForce) => inForce('dependency_update'),

  async read(services, account, change) {
    const { template_id, track, module } = change;
    const key = { account, template_id, track, module };
    const { account: owner, name } = splitModule(module, account);

    const [template, dependency, row, from, version] = await Promise.all([
      requireTemplate(services, account, template_id),
      getDependency(services.db, key),
      getModule(services.db, owner, name),
      requireVersionOf(services, owner, change.from_version_id),
      requireVersionOf(services, owner, change.version_id),
    ]);

    if (row === null || (row.visibility !== 'public' && owner !== account))
      throw notFoundError('module', { account, name: module });
    return { template, dependency, module: row, from, version };
  },

  /**
   * One proposal counts at a time. A version that its owner withheld meanwhile is not taken over;
   * one that its owner superseded is what reviewers let through.
   */
  check({ track, version_id, module }, { dependency, version }) {
    if (dependency?.proposal?.version_id !== version_id) {
      throw new GantryError(
        'operation_raced',
        `another version of ${module} is proposed now; decide about that proposal`,
      );
    }

    const [choice] = versionChoices([version], track);
    if (choice?.standing === 'offered' || choice?.standing === 'superseded') return;

    const found = withheldBy(version)?.kind ?? version.promotion_state;
    throw new GantryError(
      'operation_raced',
      `expected ${module} ${version.version_string} to be on track ${track}, found that it is ${found} now; its account must offer a version first`,
    );
  },

  summary({ module, track }, { template, from, version }) {
    const withheld =
      withheldBy(from)?.kind ?? (from.promotion_state === 'retired' ? 'retired' : '');
    const urgent = withheld === '' ? '' : `, because ${from.version_string} is ${withheld}`;
    return `update ${module} ${from.version_string} to ${version.version_string} in template ${template.name} (${track})${urgent}`;
  },

  tried: ownTemplate,
  affected: ownTemplate,

  view(view, { template_id, track, module, version_id }) {
    if (template_id !== view.template.id) return view;
    return { ...view, approved: new Map(view.approved).set(`${track}/${module}`, version_id) };
  },

  instance: sameInstance,

  writes({ operation, change, rows, at }) {
    const { account } = operation;
    const { template_id, track, module, version_id } = change;
    const { from, version } = rows;
    const was = rows.dependency ?? newDependency({ account, template_id, track, module }, at);

    return [
      putDependency({
        ...was,
        approved_version_id: version_id,
        approved_by: operation.id,
        proposal: null,
        updated_at: at,
      }),
      createEvent({
        type: 'gantry.dependency.updated',
        account,
        subject: `template/${template_id}`,
        actor: operation.requested_by,
        at,
        data: {
          track,
          module,
          version: version.version_string,
          was: from.version_string,
          operation_id: operation.id,
        },
      }),
    ];
  },

  review({ module, track }, { template, from, version }) {
    const facts = [
      ...stateFact('template', template.name),
      ...stateFact('track', track),
      ...stateFact('module', module),
      ...versionFacts(from, version),
    ];

    const withheld = withheldBy(from);
    const urgent =
      withheld === null
        ? []
        : [`${from.version_string}, which machines run, is ${withheld.kind}: ${withheld.reason}.`];
    const warnings = [
      ...urgent,
      ...warnOfVersion(version, null),
      ...warnPrivileged(from, version),
      ...warnDowngrade(from, version),
    ];
    return { facts, warnings };
  },

  brings: ({ module, version_id, from_version_id: replaces }, account) => ({
    account: splitModule(module, account).account,
    version_id,
    replaces,
  }),

  follow: nothingFollows,

  /** The next composition proposes what is newest by then. */
  async lapse(services, account, { template_id, track }) {
    await enqueue(services, 'compose', [{ account, template_id, track }]);
  },
};

function ownTemplate({ template_id }: Update) {
  return { of: 'template', template_id } as const;
}

/** A version of another account, which no route resolves by its id. Throws `not_found`. */
async function requireVersionOf({ db }: Services, account: string, id: string): Promise<Version> {
  const version = await getVersion(db, account, id);
  if (version === null) throw notFoundError('version', { account, name: id });
  return version;
}
