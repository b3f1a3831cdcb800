import { expect, it } from 'vitest';
import { enrollAgent } from '../../../shared/actions/machines/index.ts';
import { tableThat } from '../../support/stub-table.ts';
import { idleServices } from '../functions/api/services.ts';

it('an enrolment without the secret of a join token writes nothing, not even its proof', async () => {
  const { db, inputs } = tableThat(() => ({}));
  const asked = { account: 'acme', instance: 'ins_1', secret: 'guessed', root_sha256: 'ab' };
  let spent = 0;
  const key = { thumbprint: 'key', spend: async () => void spent++ };

  await expect(enrollAgent({ ...idleServices(), db }, asked, key)).rejects.toMatchObject({
    code: 'join_token_invalid',
  });
  expect(spent).toBe(0);
  expect(inputs.filter((input) => !('Key' in input) || 'UpdateExpression' in input)).toEqual([]);
});
