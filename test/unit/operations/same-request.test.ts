import { expect, it } from 'vitest';
import { fingerprintOf } from '../../../shared/actions/operations/index.ts';
import { addition, machine, promotion, rollback } from './change-factory.ts';

it.each([
  ['promotions of one version', promotion('live'), promotion('live'), true],
  ['promotions to other states', promotion('live'), promotion('retired'), false],
  ['additions of one module', addition('asg_1'), addition('asg_2'), true],
  ['additions of other modules', addition('asg_1'), addition('asg_1', 'acme/nginx'), false],
  [
    'keys in another order',
    machine({ metadata: { a: 1, b: 2 } }),
    machine({ metadata: { b: 2, a: 1 } }),
    true,
  ],
  [
    'break-glass rollbacks',
    { ...rollback, review_id: 'op_1' },
    { ...rollback, review_id: 'op_2' },
    true,
  ],
  ['a rollback and one by break-glass', rollback, { ...rollback, review_id: 'op_2' }, false],
])('%s are one request or two', (_, one, other, same) => {
  expect(fingerprintOf([one]) === fingerprintOf([other])).toBe(same);
});
