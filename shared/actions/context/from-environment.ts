import { awsClients } from '../../aws/clients.ts';
import { type EnvironmentName, environment } from '../../contract/environment.ts';
import type { Services } from './services.ts';

const variables = [
  'PUBLIC_URL',
  'SENDER_ADDRESS',
  'LINK_KEY_ID',
  'STATE_MACHINE_ARN',
  'POLL_QUEUE_URL',
  'VERIFY_QUEUE_URL',
  'REVERIFY_QUEUE_URL',
  'INGEST_QUEUE_URL',
  'COMPOSE_QUEUE_URL',
  'RECONCILE_QUEUE_URL',
  'COLLECT_QUEUE_URL',
  'TRUST_ROOT_MIRROR',
] as const satisfies EnvironmentName[];
type Variable = (typeof variables)[number];

/**
 * The services of this process, built once when it starts. The stack gives each function only what it may use, so a
 * variable that is absent becomes '' and fails at the first call that would need it; the table, the bucket and the
 * names in `required` must be there, which fails the start of the process instead of its hundredth event.
 *
 * @throws GantryError `internal` naming each variable that is missing or malformed
 */
export function servicesFromEnvironment(...required: Variable[]): Services {
  const { DEPLOYMENT_NAME, TABLE_NAME, BUCKET_NAME, ALLOWED_PRIVATE_HOSTS, REGISTRY_BUDGETS } =
    environment(
      'DEPLOYMENT_NAME',
      'TABLE_NAME',
      'BUCKET_NAME',
      'ALLOWED_PRIVATE_HOSTS',
      'REGISTRY_BUDGETS',
      ...required,
    );
  const set = environment(
    ...variables.filter((name) => process.env[name] !== undefined),
    'ALLOWED_PRIVATE_HOSTS',
  );
  const value = (name: Variable) => set[name] ?? '';
  const aws = awsClients();
  return {
    aws,
    db: { client: aws.dynamodb, table: TABLE_NAME },
    objects: { s3: aws.s3, bucket: BUCKET_NAME },
    settings: {
      deployment: DEPLOYMENT_NAME,
      publicUrl: value('PUBLIC_URL'),
      senderAddress: value('SENDER_ADDRESS'),
      linkKeyId: value('LINK_KEY_ID'),
      stateMachineArn: value('STATE_MACHINE_ARN'),
      queueUrls: {
        poll: value('POLL_QUEUE_URL'),
        verify: value('VERIFY_QUEUE_URL'),
        reverify: value('REVERIFY_QUEUE_URL'),
        ingest: value('INGEST_QUEUE_URL'),
        compose: value('COMPOSE_QUEUE_URL'),
        reconcile: value('RECONCILE_QUEUE_URL'),
        collect: value('COLLECT_QUEUE_URL'),
      },
      allowedPrivateHosts: ALLOWED_PRIVATE_HOSTS,
      trustRootMirror: value('TRUST_ROOT_MIRROR'),
      budgets: REGISTRY_BUDGETS,
    },
    now: () => new Date(),
  };
}
