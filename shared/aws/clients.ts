import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ECRClient } from '@aws-sdk/client-ecr';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SESv2Client } from '@aws-sdk/client-sesv2';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { captureClient } from './tracing.ts';

export interface Aws {
  dynamodb: DynamoDBDocumentClient;
  s3: S3Client;
  sqs: SQSClient;
  sfn: SFNClient;
  kms: KMSClient;
  ses: SESv2Client;
  events: EventBridgeClient;
  secrets: SecretsManagerClient;
  /** A registry's host names its region. */
  ecr: (region: string | undefined) => ECRClient;
  /** Host and port of the endpoint that replaces AWS; null on AWS itself. */
  endpointHost: string | null;
}

/**
 * The AWS clients, traced, built here and nowhere else. `AWS_ENDPOINT_URL`, which the SDK reads
 * itself, points them at another endpoint. S3 is then addressed by path, because bucket host names
 * do not resolve there.
 */
export function awsClients(environment: NodeJS.ProcessEnv = process.env): Aws {
  const custom = environment.AWS_ENDPOINT_URL !== undefined;
  return {
    dynamodb: DynamoDBDocumentClient.from(captureClient(new DynamoDBClient({})), {
      // The marshaller takes an object with a key `constructor`, such as a module's name, for the
      // instance of a class.
      marshallOptions: { removeUndefinedValues: true, convertClassInstanceToMap: true },
    }),
    s3: captureClient(
      new S3Client({ forcePathStyle: custom, requestChecksumCalculation: 'WHEN_SUPPORTED' }),
    ),
    // A queue's URL may name another host than the endpoint that the environment sets.
    sqs: captureClient(new SQSClient({ useQueueUrlAsEndpoint: false })),
    sfn: captureClient(new SFNClient({})),
    kms: captureClient(new KMSClient({})),
    ses: captureClient(new SESv2Client({})),
    events: captureClient(new EventBridgeClient({})),
    secrets: captureClient(new SecretsManagerClient({})),
    ecr: (region) => captureClient(new ECRClient(region === undefined ? {} : { region })),
    endpointHost:
      environment.AWS_ENDPOINT_URL === undefined
        ? null
        : new URL(environment.AWS_ENDPOINT_URL).host,
  };
}
