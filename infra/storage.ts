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

  /**
   * Reading and writing of the accounts' objects, each kind on its own: what one stage made, no other stage can replace.
   * Nothing deletes an object.
   */
  allowObjects(stage: StageFunction, kinds: { read?: ObjectKind[]; write?: ObjectKind[] }): void {
    const { read = [], write = [] } = kinds;
    const pattern = (kind: ObjectKind) => `${this.bucket.bucketArn}/accounts/*/${kind}/*`;
    if (read.length > 0) stage.allow(['s3:GetObject'], read.map(pattern));
    if (write.length > 0) stage.allow(['s3:PutObject'], write.map(pattern));
    if (write.includes('artifacts')) stage.allow(['s3:AbortMultipartUpload'], [pattern('artifacts')]);
    // Without it a missing object answers 403 instead of 404.
    stage.allow(['s3:ListBucket'], [this.bucket.bucketArn]);
    for (const kind of new Set([...read, ...write])) {
      acknowledgeWildcard(
        stage.role,
        `${attribute(this.bucket, 'Arn')}/accounts/*/${kind}/*`,
        'Objects are named by account and digest, which are known at run time only; the kind bounds them.',
      );
    }
  }
}

/** The folders of an account, as shared/store/objects.ts names them. */
export type ObjectKind =
  | 'artifacts'
  | 'file-indexes'
  | 'evidence'
  | 'images'
  | 'compositions'
  | 'desired-states'
  | 'roots';

const bucketDefaults = {
  encryption: BucketEncryption.S3_MANAGED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  removalPolicy: RemovalPolicy.RETAIN,
};
