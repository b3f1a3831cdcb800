import { describe, expect, it } from 'vitest';
import {
  actionMeanings,
  actions,
  decisions,
  defaultPolicy,
  finalOperationStates,
  neverFrozenActions,
  operationStates,
  plannedActions,
  versionActions,
} from '../../../shared/domain/operations/index.ts';

describe('without a policy of its own, an action', () => {
  it('asks reviewers if it lets something into machines or loosens what guards them', () => {
    const asked = actions.filter((action) => defaultPolicy(action).decision !== 'allow');
    expect(asked).toEqual([
      'module_promote_to_live',
      'module_withdraw',
      'module_rollback',
      'module_install_unverified',
      'extension_import',
      'trust_policy_change',
      'mass_quarantine',
      'module_assign_privileged',
      'dependency_update',
      'instance_track_change',
      'member_change',
      'policy_loosen',
    ]);
    for (const action of asked) expect(defaultPolicy(action).decision).toBe('require_approval');
  });

  it.each(actions)('%s needs one other person within three days, and nothing else', (action) => {
    expect(defaultPolicy(action)).toMatchObject({
      action,
      quorum: 1,
      self_approval: false,
      expires_in_s: 259_200,
      reviewer_groups: [],
      min_soak_s: 0,
      freeze_windows: [],
      required_attestations: [],
      required_builders: [],
      required_sources: [],
    });
  });
});

it('only changes of policies are never frozen, so that a freeze can be lifted', () => {
  expect(neverFrozenActions).toEqual(['policy_change', 'policy_loosen']);
});

it('promotions may ask for a soak and for attestations', () => {
  expect(versionActions).toEqual([
    'module_promote_to_staging',
    'module_promote_to_blessed',
    'module_promote_to_live',
  ]);
});

it('every action has a meaning, and no action is planned that is not one', () => {
  expect(Object.keys(actionMeanings).sort()).toEqual([...actions].sort());
  expect(plannedActions).toEqual(['module_install_unverified', 'extension_import']);
});

it('decisions are ordered from the least to the strictest', () => {
  expect(decisions).toEqual(['allow', 'require_approval', 'deny']);
});

it('an operation ends in every state but those on its way', () => {
  expect(operationStates.filter((state) => !finalOperationStates.includes(state))).toEqual([
    'requested',
    'composing',
    'awaiting_approval',
    'applying',
  ]);
});
