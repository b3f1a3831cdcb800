import { stageNames } from '../../shared/contract/stages.ts';
import { type Grant, grants } from '../grants.ts';

/**
 * Every action that IAM grants to a function, and its purpose. An action that is not here is not
 * granted.
 */
const purposes: Record<string, string> = {
  'dynamodb:BatchGetItem': 'reads rows by their keys',
  'dynamodb:ConditionCheckItem': 'checks, in a transaction, that another row is unchanged',
  'dynamodb:DeleteItem': 'removes a row on a condition',
  'dynamodb:DescribeStream':
    'follows the stream of new rows, of which only events reach the function',
  'dynamodb:GetItem': 'reads a row',
  'dynamodb:GetRecords': 'follows the stream',
  'dynamodb:GetShardIterator': 'follows the stream',
  'dynamodb:ListStreams': 'finds the stream of the table',
  'dynamodb:PutItem': 'makes a row on a condition; in transactions too',
  'dynamodb:Query': 'lists by an index; nobody may scan',
  'dynamodb:UpdateItem': 'changes a row on a condition; in transactions too',
  'ecr:BatchCheckLayerAvailability':
    'reads from repositories of ECR that modules are registered with',
  'ecr:BatchGetImage': 'reads from repositories of ECR',
  'ecr:GetAuthorizationToken': 'gets a token for ECR; this action has no resource',
  'ecr:GetDownloadUrlForLayer': 'reads from repositories of ECR',
  'ecr:ListImages': 'lists tags in ECR',
  'events:PutEvents': 'sends events to the bus',
  'iam:CreateServiceLinkedRole':
    'the first multi-Region key of an AWS account makes the role with which KMS keeps replicas the same',
  'kms:CreateKey': 'creates the director key of an account, with the tag that signing requires',
  'kms:GenerateMac': 'makes the links of approval mails',
  'kms:GetPublicKey': 'puts the public key of the director into the account root',
  'kms:Sign': 'signs roots and desired states',
  'kms:TagResource': 'tags the director key that is created',
  'kms:VerifyMac': 'checks the links of approval mails',
  's3:AbortMultipartUpload': 'aborts the upload of a layer that fails its checks',
  's3:DeleteObjectVersion': 'deletes objects that no row names',
  's3:GetObject': 'reads objects of these kinds, or presigns their reading for machines',
  's3:ListBucket': 'makes S3 return 404 instead of 403 for a missing object',
  's3:ListBucketVersions': 'finds the objects of a kind, to delete old ones',
  's3:PutObject': 'writes objects of these kinds',
  'secretsmanager:CreateSecret': 'stores a login or the secret of a webhook',
  'secretsmanager:DeleteSecret': 'deletes a login or the secret of a webhook',
  'secretsmanager:GetSecretValue':
    'reads a login for a registry, or the secret that authenticates a webhook',
  'secretsmanager:PutSecretValue': 'stores a login or the secret of a webhook',
  'ses:SendEmail': 'mails reviewers and members, as this sender only',
  'sqs:ChangeMessageVisibility': 'takes messages from the queue (Lambda does)',
  'sqs:DeleteMessage': 'takes messages from the queue (Lambda does)',
  'sqs:GetQueueAttributes': 'takes messages from the queue (Lambda does)',
  'sqs:GetQueueUrl': 'takes messages from the queue (Lambda does)',
  'sqs:ReceiveMessage': 'takes messages from the queue (Lambda does)',
  'sqs:SendMessage': 'sends work to the next stage, or delays its own',
  'states:DescribeExecution': 'checks whether an execution still runs',
  'states:SendTaskFailure': 'completes a waiting step; the task token limits it to that step',
  'states:SendTaskSuccess': 'answers a waiting step',
  'states:StartExecution': 'starts an operation',
};

/** The grants that every function has: its own log group, and X-Ray. */
const everywhere =
  /^(?:logs:(?:CreateLogStream|PutLogEvents)|xray:PutT(?:raceSegments|elemetryRecords))$/;

/**
 * docs/reference/permissions.md: what IAM grants to each function, from the template that is
 * deployed.
 */
export function permissionReference(): string {
  const all = grants();
  const used = new Set<string>();

  const sections = stageNames.flatMap((name) => {
    const rows = all
      .filter((grant) => grant.role === name)
      .map((grant) => ({
        ...grant,
        actions: grant.actions.filter((action) => !everywhere.test(action)),
      }))
      .filter(({ actions }) => actions.length > 0);

    for (const { actions } of rows) for (const action of actions) used.add(action);
    return [`## ${name}\n`, '| actions | on | only where |', '|---|---|---|', ...rows.map(row), ''];
  });

  const unexplained = [...used].filter((action) => purposes[action] === undefined);
  if (unexplained.length > 0)
    throw new Error(`scripts/reference/permissions.ts does not say what for: ${unexplained}`);

  const spare = Object.keys(purposes).filter((action) => !used.has(action));
  if (spare.length > 0)
    throw new Error(`scripts/reference/permissions.ts explains what nobody may do: ${spare}`);

  return [
    '# What each function may do\n',
    'Each function has a role of its own, to which IAM grants what is here and nothing else; the local cloud enforces it too. Names',
    'are those of the stack’s constructs. All may write to their own log group and to X-Ray. `test/integration/functions.test.ts` has',
    'the deployed functions do their work; `test/integration/attack/permissions.test.ts` has each role try what it can and what it must',
    'not; `test/infra/grants.test.ts` holds what no grant may be. Generated by `npm run generate` from the template.\n',
    ...sections,
    '## What the actions are for\n',
    '| action | what for |',
    '|---|---|',
    ...Object.entries(purposes).map(([action, purpose]) => `| \`${action}\` | ${purpose} |`),
    '',
  ].join('\n');
}

function row({ effect, actions, resources, conditions }: Grant): string {
  const only = Object.entries(conditions).flatMap(([operator, keys]) =>
    Object.entries(keys).map(
      ([key, value]) => `${operator} \`${key}\` ${[value].flat().map(code).join(', ')}`,
    ),
  );

  const what = `${effect === 'Deny' ? '**never** ' : ''}${actions.map(code).join(', ')}`;
  return `| ${what} | ${resources.map(code).join(', ')} | ${only.join('; ')} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
