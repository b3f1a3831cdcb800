import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, StreamViewType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard, attribute } from './acknowledge.ts';
import type { StageFunction } from './stage-function.ts';

const string = (name: string) => ({ name, type: AttributeType.STRING });

/** No Scan: lists are queries, whatever their size. */
const tableActions = [
  'dynamodb:GetItem',
  'dynamodb:BatchGetItem',
  'dynamodb:Query',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:BatchWriteItem',
  'dynamodb:ConditionCheckItem',
];

/** The one table and the bucket of bytes: both outlive the stack. */
export class Storage extends Construct {
  readonly table: TableV2;
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new TableV2(this, 'Table', {
      partitionKey: string('pk'),
      sortKey: string('sk'),
      globalSecondaryIndexes: ['gsi1', 'gsi2'].map((indexName) => ({
        indexName,
        partitionKey: string(`${indexName}pk`),
        sortKey: string(`${indexName}sk`),
      })),
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      timeToLiveAttribute: 'ttl',
      dynamoStream: StreamViewType.NEW_IMAGE,
    });
    const accessLogs = new Bucket(this, 'AccessLogs', {
      ...bucketDefaults,
      lifecycleRules: [{ expiration: Duration.days(90) }],
    });
    acknowledge(accessLogs, 'S1', 'It holds the access logs; logging its own writes would never end.');
    this.bucket = new Bucket(this, 'Artifacts', {
      ...bucketDefaults,
      versioned: true,
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: 'artifacts/',
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(2) },
        // Artifacts are never overwritten; desired states are, every few days on every machine.
        { noncurrentVersionExpiration: Duration.days(90) },
      ],
    });
  }

  /** Names the bucket as well: every process builds the same services, and a name grants nothing. */
  allowTable(stage: StageFunction): void {
    const { tableArn } = this.table;
    stage.allow(tableActions, [tableArn, `${tableArn}/index/gsi1`, `${tableArn}/index/gsi2`]);
    stage.setEnvironment('TABLE_NAME', this.table.tableName);
    stage.setEnvironment('BUCKET_NAME', this.bucket.bucketName);
  }

  /** Reading and writing of the accounts' objects; nothing deletes one. */
  allowObjects(stage: StageFunction): void {
    const pattern = `${this.bucket.bucketArn}/accounts/*`;
    stage.allow(['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'], [pattern]);
    // Without it a missing object answers 403 instead of 404.
    stage.allow(['s3:ListBucket'], [this.bucket.bucketArn], { StringLike: { 's3:prefix': 'accounts/*' } });
    acknowledgeWildcard(
      stage.role,
      `${attribute(this.bucket, 'Arn')}/accounts/*`,
      'Objects are named by account and digest, which are known at run time only; the prefix bounds them.',
    );
  }
}

const bucketDefaults = {
  encryption: BucketEncryption.S3_MANAGED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  removalPolicy: RemovalPolicy.RETAIN,
};
