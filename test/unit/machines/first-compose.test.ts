import { expect, it } from 'vitest';
import { scheduleFirstComposes } from '../../../shared/actions/machines/index.ts';
import { putComposeRequest } from '../../../shared/store/compose/index.ts';
import { tableThat } from '../../support/stub-table.ts';
import { idleServices } from '../functions/api/services.ts';

const request = {
  account: 'acme',
  instance_id: 'ins_1',
  template_id: 'tpl_01JGZ0000000000000000000AA',
  track: 'live' as const,
  due_at: '2026-01-01T00:00:00.000Z',
};

/** Services whose table has one request that is due, and a queue that takes or refuses messages. */
function servicesWith(takes: boolean) {
  const services = idleServices();
  const sent: unknown[] = [];
  services.aws.sqs.middlewareStack.add(
    () =>
      async ({ input }) => {
        if (!takes) throw new Error('the queue is away');
        sent.push(input);
        return { response: {}, output: { $metadata: {} } };
      },
    { step: 'initialize', priority: 'high' },
  );

  const rows = [putComposeRequest(request).item.Put?.Item ?? {}];
  const { db, inputs } = tableThat((input) =>
    'KeyConditionExpression' in input ? { Items: rows.splice(0) } : {},
  );
  const removed = () =>
    JSON.stringify(inputs.filter((input) => !('KeyConditionExpression' in input)));
  return { services: { ...services, db }, sent, removed };
}

it('a process that died before it sent the first compose loses nothing', async () => {
  const { services, sent, removed } = servicesWith(true);
  expect(await scheduleFirstComposes(services)).toBe(1);

  const { account, template_id, track } = request;
  const bodies = sent.map((entry) => JSON.parse((entry as { MessageBody: string }).MessageBody));
  expect(bodies).toEqual([expect.objectContaining({ account, template_id, track })]);
  expect(removed()).toContain('compose-request');
});

it('a request stays until its message is sent', async () => {
  const { services, removed } = servicesWith(false);
  await expect(scheduleFirstComposes(services)).rejects.toThrow('the queue is away');
  expect(removed()).toBe('[]');
});
