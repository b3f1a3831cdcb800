import { GantryError } from '../../../base/error.ts';
import {
  type Version,
  type Withheld,
  type WithholdingKind,
  withheldBy,
  withheldFields,
} from '../../../domain/modules/index.ts';
import type { Action, Change } from '../../../domain/operations/index.ts';
import { versionEvent, withholdVersion } from '../../../store/modules/index.ts';
import { enqueue, type Services } from '../../context/index.ts';
import { requireVersion } from '../../modules/index.ts';
import { type ChangeKind, noTemplate, sameInstance, sameView } from './change-kind.ts';
import { stateFact, versionFacts } from './review-text.ts';

type Name = 'version_yank' | 'version_unyank' | 'version_quarantine' | 'version_release';

interface Rule {
  action: Action;
  /** In sentences: "yank redis 1.0.0". */
  verb: string;
  event: 'yanked' | 'unyanked' | 'quarantined' | 'released';
  /** What the change puts on the version, null to lift it. */
  puts: WithholdingKind | null;
  lifts: readonly WithholdingKind[];
}

const rules: Record<Name, Rule> = {
  version_yank: { action: 'module_yank', verb: 'yank', event: 'yanked', puts: 'yanked', lifts: [] },
  version_unyank: {
    action: 'module_yank',
    verb: 'unyank',
    event: 'unyanked',
    puts: null,
    lifts: ['yanked'],
  },
  version_quarantine: {
    action: 'module_quarantine',
    verb: 'quarantine',
    event: 'quarantined',
    puts: 'quarantined',
    lifts: [],
  },
  version_release: {
    action: 'module_quarantine',
    verb: 'release',
    event: 'released',
    puts: null,
    lifts: ['quarantined', 'held'],
  },
};

/**
 * The kinds that withhold a version and lift that again. No composition can delay them: a template
 * that cannot be composed without the version keeps what its machines run.
 */
export const versionWithholdings = {
  version_yank: withholdingOf('version_yank'),
  version_unyank: withholdingOf('version_unyank'),
  version_quarantine: withholdingOf('version_quarantine'),
  version_release: withholdingOf('version_release'),
};

function withholdingOf(name: Name): ChangeKind<Name, Version> {
  const rule = rules[name];
  return {
    action: () => rule.action,
    policy: (_, inForce) => inForce(rule.action),

    read: (services, account, change) => requireVersion(services, account, change.version_id),

    check: (_, version) => refuseIdle(rule, version),
    summary: (_, { module, version_string }) => `${rule.verb} ${module} ${version_string}`,
    tried: noTemplate,

    affected: ({ module, version_id }) => ({
      of: 'module',
      module,
      version_id,
      others: 'if_public',
    }),

    view: sameView,
    instance: sameInstance,

    writes({ operation, change, rows: version, at }) {
      const { reason } = change;
      const by = operation.requested_by;
      const added = { reason, by, at, operation_id: operation.id };
      const data = {
        version: version.version_string,
        state: version.promotion_state,
        reason,
        operation_id: operation.id,
      };

      return [
        withholdVersion(version, withheldFields(version, nextWithheld(rule, version, added))),
        versionEvent(version, { actor: by, at }, rule.event, data),
      ];
    },

    /** Signatures that became valid meanwhile count again. */
    review({ reason }, version) {
      return {
        facts: [...versionFacts(null, version), ...stateFact('reason', reason)],
        warnings: [],
      };
    },

    async follow(services, account, { module, version_id }) {
      if (rule.puts === null)
        await enqueue(services, 'reverify', [{ account, module, version_id }]);
    },
  };
}

function nextWithheld(
  { puts, lifts }: Rule,
  { withheld = {} }: Version,
  added: Withheld[WithholdingKind] & {},
): Withheld {
  const kept = Object.entries(withheld).filter(([kind]) => !lifts.some((one) => one === kind));
  return { ...Object.fromEntries(kept), ...(puts === null ? {} : { [puts]: added }) };
}

/** Throws `promotion_state_invalid` if the change would change nothing. */
function refuseIdle({ puts, lifts, verb }: Rule, version: Version): void {
  const has = (kind: WithholdingKind) => version.withheld?.[kind] !== undefined;
  if (puts !== null ? !has(puts) : lifts.some(has)) return;

  const now = withheldBy(version);
  const found = now === null ? 'nothing withholds it' : `it is ${now.kind}: ${now.reason}`;
  throw new GantryError(
    'promotion_state_invalid',
    `expected a version that ${puts === null ? `is ${lifts.join(' or ')}` : `is not ${puts}`}, to ${verb} it; found that ${found}`,
    { field: 'version_id', found: now?.kind ?? null },
  );
}

/** The change that a request to withhold a version, or to lift that, means. */
export async function withholdingChangeOf(
  services: Services,
  account: string,
  { kind, version_id, reason }: { kind: Name; version_id: string; reason: string },
): Promise<Change<Name>> {
  const version = await requireVersion(services, account, version_id);
  refuseIdle(rules[kind], version);
  return { kind, module: version.module, version_id, reason };
}
