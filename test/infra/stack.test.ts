import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { synthesize } from '../../scripts/synthesize.ts';
import { environmentNames } from '../../shared/contract/environment.ts';
import { stageNames } from '../../shared/contract/stages.ts';

const { template, resources } = synthesize();

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

/** Every statement that allows a role of the stack something. */
function allowed(): { policy: string; statement: Statement }[] {
  return resources('AWS::IAM::Policy').flatMap(([policy, resource]) => {
    const { Statement } = resource.Properties.PolicyDocument as { Statement: Statement[] };
    return Statement.filter((statement) => statement.Effect === 'Allow').map((statement) => ({
      policy,
      statement,
    }));
  });
}

describe('what must outlive the stack', () => {
  test('the table is retained, protected from deletion, encrypted, recoverable, and streams new images', () => {
    template.hasResource('AWS::DynamoDB::GlobalTable', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        SSESpecification: { SSEEnabled: true },
        StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        GlobalSecondaryIndexes: ['gsi1', 'gsi2'].map((name) =>
          Match.objectLike({
            IndexName: name,
            KeySchema: [
              { AttributeName: `${name}pk`, KeyType: 'HASH' },
              { AttributeName: `${name}sk`, KeyType: 'RANGE' },
            ],
            Projection: { ProjectionType: 'ALL' },
          }),
        ),
        Replicas: [
          Match.objectLike({
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          }),
        ],
      },
    });
  });

  test('every bucket is retained, encrypted and closed to the public', () => {
    expect(resources('AWS::S3::Bucket')).toHaveLength(2);
    template.allResources('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        BucketEncryption: Match.anyValue(),
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
  });

  test('the artifact bucket keeps versions and drops uploads that were never finished', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } }),
        ]),
      },
    });
  });

  test('the link key makes MACs and is retained', () => {
    template.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      Properties: { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
    });
  });
});

describe('queues', () => {
  const queues = resources('AWS::SQS::Queue');
  const withDeadLetters = queues.filter(
    ([, queue]) => queue.Properties.RedrivePolicy !== undefined,
  );

  test('each of the nine stage queues puts a message aside after five deliveries', () => {
    expect(withDeadLetters).toHaveLength(9);
    for (const [, queue] of withDeadLetters) {
      expect(queue.Properties.RedrivePolicy).toMatchObject({ maxReceiveCount: 5 });
    }
  });

  test('dead-letter queues keep messages for fourteen days', () => {
    const deadLetters = queues.filter(([, queue]) => queue.Properties.RedrivePolicy === undefined);
    expect(deadLetters).toHaveLength(10);
    for (const [, queue] of deadLetters)
      expect(queue.Properties.MessageRetentionPeriod).toBe(14 * 24 * 3600);
  });

  test('all are encrypted', () => {
    for (const [, queue] of queues) expect(queue.Properties.SqsManagedSseEnabled).toBe(true);
  });

  test('every reader of a queue reports the messages that failed, not the batch', () => {
    const readers = resources('AWS::Lambda::EventSourceMapping');
    expect(readers).toHaveLength(10);
    for (const [, reader] of readers) {
      expect(reader.Properties.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
    }
  });
});

test('buckets, queues and the alarm topic refuse requests without TLS', () => {
  const refusals = ['AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy'].map(
    (type) =>
      resources(type).filter(([, policy]) => {
        const { Statement } = policy.Properties.PolicyDocument as { Statement: Statement[] };
        return Statement.some(
          (statement) =>
            statement.Effect === 'Deny' &&
            statement.Condition?.Bool?.['aws:SecureTransport'] === 'false',
        );
      }).length,
  );
  expect(refusals).toEqual([2, 19, 1]);
});

describe('functions', () => {
  const functions = resources('AWS::Lambda::Function');

  test('each entry has one, and no CDK helper adds any', () => {
    expect(functions).toHaveLength(stageNames.length);
  });

  test('all run on Node 24, traced, with source maps and their own log group of limited retention', () => {
    for (const [, lambda] of functions) {
      expect(lambda.Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        TracingConfig: { Mode: 'Active' },
      });
      expect(lambda.Properties.Environment).toMatchObject({
        Variables: { NODE_OPTIONS: '--enable-source-maps' },
      });
      expect(lambda.Properties.LoggingConfig).toMatchObject({ LogGroup: expect.anything() });
    }
    for (const [, group] of resources('AWS::Logs::LogGroup')) {
      expect(group.Properties.RetentionInDays).toBeGreaterThan(0);
    }
  });

  test('every variable of the contract is set for some function', () => {
    const { resources: withIssuer } = synthesize({ oidcIssuer: 'https://login.example.com' });
    const set = withIssuer('AWS::Lambda::Function').flatMap(([, lambda]) =>
      Object.keys((lambda.Properties.Environment as { Variables: object }).Variables),
    );
    expect(environmentNames.filter((name) => !set.includes(name))).toEqual([]);
  });
});

describe('grants', () => {
  test('only actions that know no resource are granted on all of them', () => {
    const wild = allowed()
      .filter(({ statement }) => list(statement.Resource).includes('*'))
      .flatMap(({ statement }) => list(statement.Action));
    expect([...new Set(wild)].sort()).toEqual([
      'ecr:GetAuthorizationToken',
      'kms:CreateKey',
      'logs:CreateLogDelivery',
      'logs:DeleteLogDelivery',
      'logs:DescribeLogGroups',
      'logs:DescribeResourcePolicies',
      'logs:GetLogDelivery',
      'logs:ListLogDeliveries',
      'logs:PutResourcePolicy',
      'logs:UpdateLogDelivery',
      'states:SendTaskFailure',
      'states:SendTaskSuccess',
      'xray:GetSamplingRules',
      'xray:GetSamplingTargets',
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  test('no action is a wildcard, and none scans', () => {
    const actions = allowed().flatMap(({ statement }) => list(statement.Action));
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
    expect(actions).not.toContain('dynamodb:Scan');
  });

  test('only the collector deletes objects, of the kinds that are named by digest, and it changes no row', () => {
    const deleting = allowed().filter(({ statement }) =>
      JSON.stringify(statement.Action).includes('s3:Delete'),
    );
    expect(deleting.map(({ policy }) => policy.replace(/Role.*/, ''))).toEqual(['collect']);

    for (const { statement } of deleting) {
      expect(list(statement.Action)).toEqual(['s3:DeleteObjectVersion']);
      const keys = list(statement.Resource).map(
        (resource) => JSON.stringify(resource).match(/\/accounts\/[^"]*/)?.[0],
      );
      const kinds = [
        'images',
        'compositions',
        'artifacts',
        'file-indexes',
        'stored-signatures',
        'documents',
      ];

      expect(keys).toEqual(kinds.map((kind) => `/accounts/*/${kind}/*`));
    }

    const actions = allowed()
      .filter(({ policy }) => policy.startsWith('collect'))
      .flatMap(({ statement }) => list(statement.Action));
    expect(actions.filter((action) => action.startsWith('dynamodb:')).sort()).toEqual([
      'dynamodb:BatchGetItem',
      'dynamodb:GetItem',
      'dynamodb:Query',
    ]);

    expect(actions).not.toContain('s3:PutObject');
  });

  test('the trust root is written by the function that refreshes it, which reaches no row and no other object', () => {
    const uses = allowed().filter(({ statement }) =>
      JSON.stringify(statement.Resource).includes('/trust-roots/'),
    );
    const writers = uses.filter(({ statement }) => list(statement.Action).includes('s3:PutObject'));

    expect(writers.map(({ policy }) => policy.replace(/Role.*/, ''))).toEqual(['trust']);
    const actions = allowed()
      .filter(({ policy }) => policy.startsWith('trust'))
      .flatMap(({ statement }) => list(statement.Action));

    expect(
      actions.filter((action) => /^(dynamodb|s3|secretsmanager|sqs):/.test(action)).sort(),
    ).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject', 'sqs:SendMessage']);
  });

  test('director keys are made and used under their tag only', () => {
    const bound = allowed().filter(({ statement }) =>
      list(statement.Action).some((action) =>
        ['kms:CreateKey', 'kms:TagResource', 'kms:Sign'].includes(action),
      ),
    );

    expect(bound.length).toBeGreaterThan(0);
    const making = bound.filter(({ statement }) =>
      list(statement.Action).includes('kms:CreateKey'),
    );
    expect(making.map(({ statement }) => statement.Condition?.BoolIfExists)).toEqual([
      { 'kms:MultiRegion': 'true' },
      { 'kms:MultiRegion': 'true' },
    ]);

    for (const { statement } of bound) {
      const tags = statement.Condition?.StringEquals ?? {};
      expect(
        tags['aws:RequestTag/gantry:director-of'] ?? tags['aws:ResourceTag/gantry:director-of'],
      ).toBe('main');
    }
  });

  test('the one role that may be made is KMS’s own, which keeps replicas of multi-Region keys the same', () => {
    const roles = allowed().filter(({ statement }) =>
      list(statement.Action).some((action) => action.startsWith('iam:')),
    );

    expect(roles).toHaveLength(2);
    for (const { statement } of roles) {
      expect(statement).toMatchObject({
        Action: 'iam:CreateServiceLinkedRole',
        Condition: { StringEquals: { 'iam:AWSServiceName': 'mrk.kms.amazonaws.com' } },
      });
      expect(JSON.stringify(statement.Resource)).toContain(
        ':role/aws-service-role/mrk.kms.amazonaws.com/AWSServiceRoleForKeyManagementServiceMultiRegionKeys',
      );
    }
  });

  test('the credentials of registries are read by poll, verify, reverify and ingest, and written by the API, which cannot read them', () => {
    const uses = allowed().flatMap(({ policy, statement }) =>
      list(statement.Action)
        .filter((action) => action.startsWith('secretsmanager:'))
        .map((action) => {
          const [, kind] =
            /:secret:gantry\/main\/(registry|hook)\/\*"/.exec(JSON.stringify(statement.Resource)) ??
            [];
          return `${policy.replace(/Role.*/, '')} ${action.replace('secretsmanager:', '')} ${kind}`;
        }),
    );
    expect(uses.sort()).toEqual([
      'api CreateSecret hook',
      'api CreateSecret registry',
      'api DeleteSecret hook',
      'api DeleteSecret registry',
      'api GetSecretValue hook',
      'api PutSecretValue hook',
      'api PutSecretValue registry',
      'ingest GetSecretValue registry',
      'poll GetSecretValue registry',
      'reverify GetSecretValue registry',
      'verify GetSecretValue registry',
    ]);
  });

  test('the ECR repositories that may be read are those that the setting names', () => {
    const arn = 'arn:aws:ecr:eu-west-1:123456789012:repository/team/*';
    const reads = synthesize({ ecrRepositories: arn })
      .resources('AWS::IAM::Policy')
      .flatMap(([, { Properties }]) => {
        const { Statement } = Properties.PolicyDocument as { Statement: Statement[] };
        return Statement.filter(({ Action }) => list(Action).includes('ecr:BatchGetImage'));
      });

    expect(reads.map(({ Resource }) => Resource)).toEqual([arn, arn, arn, arn]);
    expect(() => synthesize({ ecrRepositories: 'team/*' })).toThrow('ecrRepositories');
  });
});

test('dead letters, messages that wait, function errors, failed operations, refused compositions, reused credentials, held quarantines, blocked work, accounts that cannot be made, a stale trust root and 5xx notify a person', () => {
  const alarms = resources('AWS::CloudWatch::Alarm');
  expect(alarms).toHaveLength(11 + stageNames.length + 8 + 4);

  for (const [, alarm] of alarms) {
    expect(alarm.Properties.AlarmActions).toHaveLength(1);
    expect(alarm.Properties.AlarmDescription).toBeTruthy();
  }
});

test('the alarm of refused compositions watches the metric of the function compose in this deployment alone', () => {
  const counts = { POWERTOOLS_METRICS_NAMESPACE: 'Gantry', POWERTOOLS_SERVICE_NAME: 'compose' };
  const Environment = { Variables: Match.objectLike(counts) };

  template.hasResourceProperties('AWS::Lambda::Function', { Environment });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'CompositionsRefused',
    Namespace: counts.POWERTOOLS_METRICS_NAMESPACE,
    Dimensions: [
      { Name: 'deployment', Value: 'main' },
      { Name: 'service', Value: counts.POWERTOOLS_SERVICE_NAME },
    ],
    Statistic: 'Sum',
    Threshold: 0,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  });
});

describe('settings', () => {
  test('a domain comes with its certificate and becomes the public address', () => {
    const { template: withDomain } = synthesize({
      domainName: 'gantry.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/x',
    });
    withDomain.resourceCountIs('AWS::ApiGatewayV2::DomainName', 1);
    withDomain.hasOutput('PublicUrl', { Value: 'https://gantry.example.com' });
  });

  test('a domain without its certificate is refused', () => {
    expect(() => synthesize({ domainName: 'gantry.example.com' })).toThrow(
      /expected both .*domainName and .*certificateArn/,
    );
  });

  test('a malformed budget of a registry is refused by name', () => {
    expect(() => synthesize({ registryBudgets: 'ghcr.io=fast' })).toThrow('registryBudgets');
  });

  test('an entry of the allow-list that is not a host, address or network is refused by name', () => {
    expect(() => synthesize({ allowedPrivateHosts: 'registry.internal, 10.0.0.0/33' })).toThrow(
      '"10.0.0.0/33"',
    );
  });

  test('a deployment without a sender is refused by name', () => {
    expect(() => synthesize({ senderAddress: '' })).toThrow('senderAddress');
  });
});
