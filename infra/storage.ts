import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { ObjectKind } from '../shared/contract/objects.ts';
import { acknowledge, acknowledgeWildcard, attribute } from './acknowledge.ts';
import type { StageFunction } from './stage-function.ts';

const string = (name: string) => ({ name, type: AttributeType.STRING });

/** Scan is not granted, because every list is a query. */
const readActions = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'];
const writeActions = [
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:ConditionCheckItem',
];

/** The table and the bucket of objects. Both outlive the stack. */
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
    acknowledge(
      accessLogs,
      'S1',
      'It holds the access logs; logging its own writes would never end.',
    );

    this.bucket = new Bucket(this, 'Artifacts', {
      ...bucketDefaults,
      versioned: true,
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: 'artifacts/',
      lifecycleRules: [
        { abortIncompleteMultipartUploadAfter: Duration.days(2) },
        // Each machine's desired state is overwritten every few days, and renewed objects are
        // copied onto themselves.
        { noncurrentVersionExpiration: Duration.days(90) },
      ],
    });
  }

  /**
   * Also names the bucket, because every process builds the same services. A name grants nothing.
   */
  allowTable(stage: StageFunction, access: 'read' | 'write' = 'write'): void {
    const { tableArn } = this.table;
    const actions = access === 'read' ? readActions : [...readActions, ...writeActions];
    stage.allow(actions, [tableArn, `${tableArn}/index/gsi1`, `${tableArn}/index/gsi2`]);
    this.nameIn(stage);
  }

  /**
   * The deployment's trust root: stages that verify signatures read it, and one stage refreshes it.
   */
  allowTrustRoot(stage: StageFunction, access: 'read' | 'write' = 'read'): void {
    const actions = access === 'read' ? ['s3:GetObject'] : ['s3:GetObject', 's3:PutObject'];
    stage.allow(actions, [`${this.bucket.bucketArn}/trust-roots/public-good.json`]);
    stage.allow(['s3:ListBucket'], [this.bucket.bucketArn]);
    this.nameIn(stage);
  }

  private nameIn(stage: StageFunction): void {
    stage.setEnvironment('TABLE_NAME', this.table.tableName);
    stage.setEnvironment('BUCKET_NAME', this.bucket.bucketName);
  }

  /**
   * Reading and writing of the accounts' objects, kind by kind, so that no stage can replace the
   * objects of another one. A stage that writes a kind also reads it: an object that exists already
   * must be young enough to be named (`refreshAge`).
   */
  allowObjects(
    stage: StageFunction,
    kinds: { read?: readonly ObjectKind[]; write?: readonly ObjectKind[] },
  ): void {
    const { read = [], write = [] } = kinds;
    const readable = [...new Set([...read, ...write])];
    if (readable.length > 0) stage.allow(['s3:GetObject'], this.keysOf(readable));
    if (write.length > 0) stage.allow(['s3:PutObject'], this.keysOf(write));
    if (write.includes('artifacts'))
      stage.allow(['s3:AbortMultipartUpload'], this.keysOf(['artifacts']));
    // Without it S3 returns 403 instead of 404 for a missing object.
    stage.allow(['s3:ListBucket'], [this.bucket.bucketArn]);
    this.acknowledgeKinds(stage, readable);
  }

  /** Listing and deleting of the versions of these kinds of objects: only the collector may. */
  allowCollect(stage: StageFunction, kinds: readonly ObjectKind[]): void {
    for (const kind of kinds) {
      const ofKind = { StringLike: { 's3:prefix': `accounts/*/${kind}/` } };
      stage.allow(['s3:ListBucketVersions'], [this.bucket.bucketArn], ofKind);
    }

    stage.allow(['s3:DeleteObjectVersion'], this.keysOf(kinds));
    this.acknowledgeKinds(stage, kinds);
  }

  private keysOf(kinds: readonly ObjectKind[]): string[] {
    return kinds.map((kind) => `${this.bucket.bucketArn}/accounts/*/${kind}/*`);
  }

  private acknowledgeKinds(stage: StageFunction, kinds: readonly ObjectKind[]): void {
    for (const kind of kinds) {
      acknowledgeWildcard(
        stage.role,
        `${attribute(this.bucket, 'Arn')}/accounts/*/${kind}/*`,
        'Objects are named by account and digest, which are known at run time only; the kind bounds them.',
      );
    }
  }
}

const bucketDefaults = {
  encryption: BucketEncryption.S3_MANAGED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  removalPolicy: RemovalPolicy.RETAIN,
};
