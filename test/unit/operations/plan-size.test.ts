import { describe, expect, it } from 'vitest';
import { digestOf, operationWrites } from '../../../shared/actions/operations/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { actions, defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { operation, reviewer } from './change-factory.ts';

it('a plan with the maximum of templates fits the input of an execution', () => {
  const template_tracks = Array.from({ length: limits.templateTracksMax }, () => ({
    template_id: newId('template'),
    track: 'blessed',
  }));
  const answer = { template_tracks, planned: digestOf([]) };

  // AWS Step Functions, "Quotas": 256 KiB of input or output of a state; the state keeps what came
  // in beside the answer.
  expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(240 * 1024);
});

it('a plan is another as soon as one template has another revision', () => {
  const plan = [1, 2].map((revision) => ({ template_id: `tpl_${revision}`, revision }));
  expect(digestOf(plan)).toBe(digestOf(structuredClone(plan)));
  expect(digestOf(plan)).not.toBe(
    digestOf([...plan.slice(1), { template_id: 'tpl_1', revision: 3 }]),
  );
  expect(digestOf(plan)).not.toBe(digestOf(plan.slice(1)));
});

describe('templates that do not fit in the transaction of their changes', () => {
  const planned = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      template_id: `tpl_${i}`,
      revision: 1,
      altered: true,
    }));

  const facts = {
    operation,
    approvals: [],
    at: '2026-01-02T03:04:05.000Z',
  };
  const changes = (count: number) =>
    actions.slice(0, count).map((action) => ({
      change: {
        kind: 'policy_change',
        policy: defaultPolicy(action),
        was: defaultPolicy(action),
      } as const,
      rows: { stored: null, reviewers: [reviewer()] },
    }));
  const held = limits.plannedTemplatesMax;

  it('are not held for one change', () => {
    const none = operationWrites(facts, changes(1), []).length;
    expect(operationWrites(facts, changes(1), planned(held))).toHaveLength(none + held);
    expect(operationWrites(facts, changes(1), planned(held + 1))).toHaveLength(none);
  });

  it('are refused for several', () => {
    const none = operationWrites(facts, changes(2), []).length;
    expect(operationWrites(facts, changes(2), planned(held))).toHaveLength(none + held);
    expect(() => operationWrites(facts, changes(2), planned(held + 1))).toThrow(
      expect.objectContaining({ code: 'change_too_wide', expected: held, found: held + 1 }),
    );
  });

  it('are refused where several changes leave less room', () => {
    const many = changes(actions.length);
    const room = limits.operationWritesMax - operationWrites(facts, many, []).length;
    expect(room).toBeLessThan(held);
    expect(operationWrites(facts, many, planned(room))).toHaveLength(limits.operationWritesMax);
    expect(() => operationWrites(facts, many, planned(room + 1))).toThrow(
      expect.objectContaining({ code: 'change_too_wide', expected: room }),
    );
  });
});
