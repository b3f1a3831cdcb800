import { awsClients } from '../../aws/clients.ts';
import { skippedRowsReporter } from '../../aws/skipped-rows.ts';
import { type EnvironmentName, environment } from '../../contract/environment.ts';
import { type QueueName, queueNames, queueVariable } from '../../contract/queues.ts';
import { type Stage, type StageName, stages } from '../../contract/stages.ts';
import type { Services } from './services.ts';

/** Variables that only some functions get. */
const optional = [
  'PUBLIC_URL',
  'SENDER_ADDRESS',
  'LINK_KEY_ID',
  'STATE_MACHINE_ARN',
  'TRUST_ROOT_MIRROR',
  ...queueNames.map(queueVariable),
] as const satisfies EnvironmentName[];
type Optional = (typeof optional)[number];

/**
 * The services of a stage's process, built once when it starts; without a stage, those of a script.
 * The variables of the stage must be set, so that a deployment error stops the process at its start
 * and not at its hundredth event. Any other variable may be empty; then the call that needs it
 * fails.
 *
 * @throws GantryError `internal` naming each variable that is missing or malformed
 */
export function servicesFromEnvironment(stage?: StageName): Services {
  const {
    DEPLOYMENT_NAME,
    TABLE_NAME,
    BUCKET_NAME,
    ALLOWED_PRIVATE_HOSTS,
    REGISTRY_BUDGETS,
    ACCOUNT_SHARE_PERCENT,
  } = environment(
    'DEPLOYMENT_NAME',
    'TABLE_NAME',
    'BUCKET_NAME',
    'ALLOWED_PRIVATE_HOSTS',
    'REGISTRY_BUDGETS',
    'ACCOUNT_SHARE_PERCENT',
    ...(stage === undefined ? [] : requiredBy(stages[stage])),
  );

  // A name is passed in any case: environment() without one requires all.
  const present = optional.filter((name) => process.env[name] !== undefined);
  const set = environment('TABLE_NAME', ...present);
  const value = (name: Optional) => set[name] ?? '';

  const aws = awsClients();
  return {
    aws,
    db: {
      client: aws.dynamodb,
      table: TABLE_NAME,
      // A script stops at such a row, and its user reads the error.
      ...(stage === undefined ? {} : { skipped: skippedRowsReporter(stage, DEPLOYMENT_NAME) }),
    },
    objects: { s3: aws.s3, bucket: BUCKET_NAME },
    settings: {
      deployment: DEPLOYMENT_NAME,
      publicUrl: value('PUBLIC_URL'),
      senderAddress: value('SENDER_ADDRESS'),
      linkKeyId: value('LINK_KEY_ID'),
      stateMachineArn: value('STATE_MACHINE_ARN'),
      queueUrls: Object.fromEntries(
        queueNames.map((name) => [name, value(queueVariable(name))]),
      ) as Record<QueueName, string>,
      allowedPrivateHosts: ALLOWED_PRIVATE_HOSTS,
      trustRootMirror: value('TRUST_ROOT_MIRROR'),
      budgets: REGISTRY_BUDGETS,
      accountSharePercent: ACCOUNT_SHARE_PERCENT,
    },
    now: () => new Date(),
  };
}

/** The variables that the table of stages lists for a stage, all of them required. */
function requiredBy({ sends = [], grants = {} }: Stage): EnvironmentName[] {
  const { executions = [], outside = [], links, publicUrl } = grants;
  return [
    ...(sends as QueueName[]).map(queueVariable),
    ...(executions.includes('start') ? (['STATE_MACHINE_ARN'] as const) : []),
    ...(outside.includes('mail') ? (['SENDER_ADDRESS'] as const) : []),
    ...(outside.includes('mirror') ? (['TRUST_ROOT_MIRROR'] as const) : []),
    ...(links === undefined ? [] : (['LINK_KEY_ID'] as const)),
    ...(publicUrl === undefined ? [] : (['PUBLIC_URL'] as const)),
  ];
}
