import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, inject } from 'vitest';
import { createInstance } from '../../shared/actions/machines/index.ts';
import { assignModule } from '../../shared/actions/operations/index.ts';
import { createTemplate } from '../../shared/actions/templates/index.ts';
import { newId } from '../../shared/base/ids.ts';
import { defaultPolicy, type Operation } from '../../shared/domain/operations/index.ts';
import { getComposition } from '../../shared/store/compose/index.ts';
import { getBytes, objectKeys } from '../../shared/store/objects.ts';
import { createOperation } from '../../shared/store/operations/index.ts';
import { transact } from '../../shared/store/table/index.ts';
import { raiseUnasked } from '../support/operations.ts';
import { flowTest as it } from '../support/set-up.ts';
import { authorKey, eventually } from '../support/world.ts';

// The local cloud enforces IAM: what is done here is done with the grants of
// docs/reference/permissions.md.
const { outputs } = inject('stack');

// Concurrent: one of them waits for the schedule of the next minute.
describe.concurrent('each deployed function does its work with its own grants:', () => {
  it('poll, verify, ingest, promote, compose and reconcile take a module from its registry to a machine', async ({
    world,
  }) => {
    const key = authorKey();
    await world.register('hello', key);

    const template = await createTemplate(world.services, world.caller, {
      name: 'web',
      platform: 'ubuntu-24.04-amd64',
    });
    const instance = await createInstance(world.services, world.caller, {
      name: 'web-1',
      template_id: template.id,
      track: 'live',
      metadata: {},
    });

    const version = await world.ingest(
      { name: 'hello', files: { 'etc/hello': 'x' } },
      'v1.0.0',
      key,
    );

    await raiseUnasked(world, version);
    const assigned = await assignModule(world.services, world.caller, {
      template_id: template.id,
      module: 'hello',
    });

    await world.operation(assigned.operation.id, 'succeeded');
    await eventually('the composition', () =>
      getComposition(world.services.db, world.account, template.id, 'live'),
    );

    const objectKey = objectKeys.desiredState(world.account, instance.instance.id);
    await eventually('the desired state', () => getBytes(world.services.objects, objectKey));
  });

  it('sweep starts an operation whose execution never began, within a minute', {
    timeout: 120_000,
  }, async ({ world }) => {
    const at = new Date(Date.now() - 3600_000).toISOString();
    const policy = defaultPolicy('module_install_unverified');
    const operation: Operation = {
      account: world.account,
      id: newId('operation'),
      actions: ['policy_change'],
      changes: [{ kind: 'policy_change', policy, was: policy }],
      summary: 'policy of module_install_unverified: no change',
      state: 'requested',
      requested_by: 'token:tests',
      requested_by_person: 'deployment',
      approval_id: null,
      attempt: 1,
      announced_at: null,
      correlation_id: 'tests',
      code: null,
      message: null,
      revision: 1,
      created_at: at,
      updated_at: at,
    };

    await transact(world.services.db, [createOperation(operation)]);
    await eventually('the next minute’s sweep', () => world.operation(operation.id), 100_000);
  });

  it('events carries what was written to the bus', async ({ world }) => {
    const { sqs } = world.services.aws;
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName: `heard-${world.account}` }),
    );
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    const rule = { EventBusName: outputs.EventBusName, Rule: `heard-${world.account}` };
    const bus = new EventBridgeClient({});
    const pattern = {
      source: ['gantry'],
      detail: { source: [`/gantry/accounts/${world.account}`] },
    };
    const { Rule: Name, EventBusName } = rule;

    await bus.send(
      new PutRuleCommand({ Name, EventBusName, EventPattern: JSON.stringify(pattern) }),
    );
    await bus.send(
      new PutTargetsCommand({
        ...rule,
        Targets: [{ Id: 'queue', Arn: Attributes?.QueueArn ?? '' }],
      }),
    );

    await world.register('heard', authorKey());
    const body = await eventually('the event', async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }),
      );
      return (
        Messages.map(({ Body = '' }) => Body).find((text) =>
          text.includes('gantry.module.registered'),
        ) ?? null
      );
    });

    expect(JSON.parse(body)).toMatchObject({
      source: 'gantry',
      'detail-type': 'gantry.module.registered',
    });
  });
});
