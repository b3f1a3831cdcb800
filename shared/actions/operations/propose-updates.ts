import { limits } from '../../base/limits/index.ts';
import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { ComposeMessage } from '../../contract/messages.ts';
import { stageCaller } from '../../domain/accounts/index.ts';
import {
  type Dependency,
  type LayerName,
  newDependency,
  type WantedUpdate,
} from '../../domain/compose/index.ts';
import { nextProposal } from '../../domain/operations/index.ts';
import { getDependency, listDependencies, putDependency } from '../../store/compose/index.ts';
import { getOperation } from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { wantedUpdates } from '../compose/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import { requestChanges } from './request-changes.ts';
import { withdrawOperation } from './withdraw-operation.ts';

type Place = Pick<Dependency, 'account' | 'template_id' | 'track'>;

/**
 * Proposes the newer versions of other accounts' modules for a template that was just composed, as
 * one operation a module, and withdraws the proposals that nothing asks for any more. Proposing
 * twice changes nothing.
 */
export async function proposeUpdates(services: Services, message: ComposeMessage): Promise<void> {
  const wanted = await wantedUpdates(services, message);
  if (wanted === null) return;

  const { account, template_id, track } = message;
  const place = { account, template_id, track };
  const known = await listDependencies(services.db, account, template_id, track);
  const open = known.filter(({ proposal }) => proposal !== null).map(({ module }) => module);

  for (const module of new Set([...open, ...wanted.keys()]))
    await retryConflicts(() =>
      proposeUpdate(services, { ...place, module }, wanted.get(module) ?? null),
    );
}

async function proposeUpdate(
  services: Services,
  key: Place & { module: LayerName },
  wanted: WantedUpdate | null,
): Promise<void> {
  const { db } = services;
  const at = nowIso(services);
  const dependency = (await getDependency(db, key)) ?? newDependency(key, at);
  const open = dependency.proposal?.operation_id ?? null;

  const { step, rejected } = nextProposal({
    wanted: wanted?.version_id ?? null,
    dependency,
    operation: open === null ? null : await getOperation(db, key.account, open),
    retryBefore: later(services, -limits.proposalRetrySeconds),
    rejectedMax: limits.rejectedProposalsMax,
  });

  const caller = stageCaller(key.account, 'compose');
  let row = { ...dependency, rejected, updated_at: at };
  const put = (proposal: Dependency['proposal']) => putDependency({ ...row, proposal });

  if (open !== null && (step === 'withdraw' || step === 'replace')) {
    const reason = reasonFor(key.module, step);
    await withdrawOperation(services, caller, open, { reason, beside: [put(null)] });
    row = { ...row, revision: row.revision + 1 };
  }

  if (wanted !== null && (step === 'propose' || step === 'replace')) {
    const { template_id, track, module } = key;
    const change = { kind: 'dependency_update', template_id, track, module, ...wanted } as const;
    await requestChanges(services, caller, [change], ({ id }) => [
      put({ version_id: wanted.version_id, operation_id: id }),
    ]);
  } else if (step === 'none' && rejected !== dependency.rejected) {
    await transact(db, [put(dependency.proposal)]);
  }
}

function reasonFor(module: LayerName, step: 'withdraw' | 'replace'): string {
  return step === 'replace'
    ? `replaced by the proposal of another version of ${module}`
    : `${module} no longer offers this version to the template`;
}
