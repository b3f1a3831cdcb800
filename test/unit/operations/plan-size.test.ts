import { expect, it } from 'vitest';
import { digestOf } from '../../../shared/actions/operations/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import { limits } from '../../../shared/base/limits/index.ts';

it('a plan of as many templates as are allowed fits what travels through an execution', () => {
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
