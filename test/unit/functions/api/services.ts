import type { Services } from '../../../../shared/actions/context/index.ts';
import { awsClients } from '../../../../shared/aws/clients.ts';
import { type QueueName, queueNames } from '../../../../shared/contract/queues.ts';

/** Services for what needs no I/O: real clients that are never to be called. */
export function idleServices(): Services {
  process.env.AWS_REGION ??= 'eu-central-1';
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';

  const aws = awsClients();
  return {
    aws,
    db: { client: aws.dynamodb, table: 'none' },
    objects: { s3: aws.s3, bucket: 'none' },
    settings: {
      deployment: 'none',
      publicUrl: 'https://gantry.example',
      senderAddress: 'gantry@example.com',
      linkKeyId: '',
      stateMachineArn: '',
      queueUrls: Object.fromEntries(queueNames.map((name) => [name, ''])) as Record<
        QueueName,
        string
      >,
      allowedPrivateHosts: [],
      trustRootMirror: '',
      budgets: {},
      accountSharePercent: 75,
    },
    now: () => new Date('2026-01-01T00:00:00.000Z'),
  };
}
