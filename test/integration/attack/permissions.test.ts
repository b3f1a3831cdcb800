import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateKeyCommand,
  GenerateMacCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { SendTaskSuccessCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import {
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ObjectKind } from '../../../shared/contract/objects.ts';
import { type StageName, stageNames } from '../../../shared/contract/stages.ts';
import { assumeRoles, type Credentials, type Roles } from '../../support/roles.ts';

const { outputs } = inject('stack');
const Bucket = outputs.BucketName;
const TableName = outputs.TableName;

let roles: Roles;
/**
 * Director keys of this deployment and of another in the same AWS account, and a key that signs and
 * is nobody's.
 */
let keys: { own: string; other: string; foreign: string };

beforeAll(async () => {
  roles = await assumeRoles(`gantry-${outputs.DeploymentName}`);
  keys = {
    own: await signingKey(outputs.DeploymentName),
    other: await signingKey('other'),
    foreign: await signingKey(undefined),
  };
});
afterAll(() => roles.restore());

async function signingKey(deployment: string | undefined): Promise<string> {
  const { KeyMetadata } = await new KMSClient({}).send(newKey(deployment));
  return KeyMetadata?.KeyId ?? '';
}

function newKey(deployment: string | undefined): CreateKeyCommand {
  const Tags =
    deployment === undefined ? [] : [{ TagKey: 'gantry:director-of', TagValue: deployment }];
  return new CreateKeyCommand({
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    MultiRegion: true,
    Tags,
  });
}

/** A call that a function's code could make with its credentials. */
type Call = (credentials: Credentials) => Promise<unknown>;

const Key = (kind: ObjectKind) => `accounts/victim/${kind}/sha256/${'0'.repeat(64)}`;
const s3 = (credentials: Credentials) => new S3Client({ credentials, forcePathStyle: true });
const sqs = (credentials: Credentials) =>
  new SQSClient({ credentials, useQueueUrlAsEndpoint: false });
const table = (credentials: Credentials) =>
  DynamoDBDocumentClient.from(new DynamoDBClient({ credentials }));
const kms = (credentials: Credentials) => new KMSClient({ credentials });

const get =
  (kind: ObjectKind): Call =>
  (as) =>
    s3(as).send(new GetObjectCommand({ Bucket, Key: Key(kind) }));
const put =
  (kind: ObjectKind): Call =>
  (as) =>
    s3(as).send(new PutObjectCommand({ Bucket, Key: Key(kind), Body: 'x' }));
const remove =
  (kind: ObjectKind): Call =>
  (as) =>
    s3(as).send(new DeleteObjectCommand({ Bucket, Key: Key(kind), VersionId: 'none' }));
const send =
  (QueueUrl: string): Call =>
  (as) =>
    sqs(as).send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
const receive =
  (QueueUrl: string): Call =>
  (as) =>
    sqs(as).send(new ReceiveMessageCommand({ QueueUrl }));
const readSecret =
  (SecretId: string): Call =>
  (as) =>
    new SecretsManagerClient({ credentials: as }).send(new GetSecretValueCommand({ SecretId }));
const sign =
  (key: () => string): Call =>
  (as) =>
    kms(as).send(
      new SignCommand({
        KeyId: key(),
        Message: Buffer.alloc(32),
        MessageType: 'DIGEST',
        SigningAlgorithm: 'ECDSA_SHA_256',
      }),
    );
const own = () => keys.own;
const makeKey: Call = (as) => kms(as).send(newKey(outputs.DeploymentName));
const makeLink: Call = (as) =>
  kms(as).send(
    new GenerateMacCommand({
      KeyId: outputs.LinkKeyId,
      MacAlgorithm: 'HMAC_SHA_256',
      Message: Buffer.alloc(1),
    }),
  );
/** Over one that it is not: that this is what it fails of, and not permission, is the answer. */
const writeTrustRoot: Call = (as) =>
  s3(as)
    .send(
      new PutObjectCommand({
        Bucket,
        Key: 'trust-roots/public-good.json',
        Body: 'x',
        IfMatch: '"none"',
      }),
    )
    .catch((error: { name?: string }) => {
      if (error.name !== 'PreconditionFailed' && error.name !== 'NoSuchKey') throw error;
    });
const readRow: Call = (as) =>
  table(as).send(new GetCommand({ TableName, Key: { pk: 'victim#x', sk: 'x' } }));
const writeRow: Call = (as) =>
  table(as).send(new PutCommand({ TableName, Item: { pk: 'attack#x', sk: 'x' } }));
const start: Call = (as) =>
  new SFNClient({ credentials: as }).send(
    new StartExecutionCommand({ stateMachineArn: outputs.StateMachineArn }),
  );
const answer: Call = (as) =>
  new SFNClient({ credentials: as }).send(
    new SendTaskSuccessCommand({ taskToken: 'none', output: '{}' }),
  );
const mail: Call = (as) =>
  new SESv2Client({ credentials: as }).send(
    new SendEmailCommand({
      FromEmailAddress: 'gantry@gantry.example',
      Destination: { ToAddresses: ['reviewer@gantry.example'] },
      Content: { Simple: { Subject: { Data: 'x' }, Body: { Text: { Data: 'x' } } } },
    }),
  );
const tell: Call = (as) =>
  new EventBridgeClient({ credentials: as }).send(
    new PutEventsCommand({
      Entries: [
        { EventBusName: outputs.EventBusName, Source: 'gantry', DetailType: 'x', Detail: '{}' },
      ],
    }),
  );

/**
 * What each function must not be able to do, and one thing that it can, by which its credentials
 * are seen to work.
 */
const attempts: Record<StageName, { can: Call; cannot: Record<string, Call> }> = {
  poll: {
    can: readRow,
    cannot: {
      'hand an artifact to ingest that was not verified': send(outputs.IngestQueueUrl),
      'write artifacts': put('artifacts'),
      'read artifacts': get('artifacts'),
      'write stored signatures': put('stored-signatures'),
      'sign as director': sign(own),
      'answer a waiting approval': answer,
    },
  },
  verify: {
    can: put('stored-signatures'),
    cannot: {
      'write artifacts': put('artifacts'),
      'write file indexes': put('file-indexes'),
      'have a template composed': send(outputs.ComposeQueueUrl),
      'sign as director': sign(own),
      'answer a waiting approval': answer,
    },
  },
  trust: {
    can: writeTrustRoot,
    cannot: {
      'read a row': readRow,
      'write a row': writeRow,
      'write stored signatures': put('stored-signatures'),
      'mail as Gantry': mail,
      'read the login of a registry': readSecret(
        `gantry/${outputs.DeploymentName}/registry/victim/ghcr.io`,
      ),
    },
  },
  reverify: {
    can: put('stored-signatures'),
    cannot: {
      'write artifacts': put('artifacts'),
      'hand an artifact to ingest that was not verified': send(outputs.IngestQueueUrl),
      'write the trust root': writeTrustRoot,
      'sign as director': sign(own),
      'answer a waiting approval': answer,
    },
  },
  ingest: {
    can: put('artifacts'),
    cannot: {
      'write stored signatures': put('stored-signatures'),
      'write images': put('images'),
      'delete an artifact': remove('artifacts'),
      'take what others hand to verify': receive(outputs.VerifyQueueUrl),
      'sign as director': sign(own),
      'start an operation': start,
    },
  },
  promote: {
    can: makeLink,
    cannot: {
      'read artifacts': get('artifacts'),
      'write images': put('images'),
      'write desired states': put('desired-states'),
      'sign as director': sign(own),
      'read the login of a registry': readSecret(
        `gantry/${outputs.DeploymentName}/registry/victim/ghcr.io`,
      ),
    },
  },
  sweep: {
    // Reminders have a link.
    can: makeLink,
    cannot: {
      'read stored signatures': get('stored-signatures'),
      'sign as director': sign(own),
    },
  },
  compose: {
    can: put('images'),
    cannot: {
      'write artifacts': put('artifacts'),
      'write file indexes': put('file-indexes'),
      'write desired states': put('desired-states'),
      'sign as director': sign(own),
      'mail as Gantry': mail,
    },
  },
  reconcile: {
    can: sign(own),
    cannot: {
      'write images': put('images'),
      'write artifacts': put('artifacts'),
      'write account roots': put('roots'),
      'make a director key': makeKey,
      'answer a waiting approval': answer,
    },
  },
  collect: {
    can: readRow,
    cannot: {
      'write a row': writeRow,
      'write images': put('images'),
      'read stored signatures': get('stored-signatures'),
      'hand an artifact to ingest that was not verified': send(outputs.IngestQueueUrl),
    },
  },
  create: {
    can: makeKey,
    cannot: {
      'make a key of another deployment': (as) => kms(as).send(newKey('other')),
      'make a key without a tag': (as) => kms(as).send(newKey(undefined)),
      'write desired states': put('desired-states'),
      'read artifacts': get('artifacts'),
      'mail as Gantry': mail,
      'start an operation': start,
    },
  },
  watch: {
    can: mail,
    cannot: {
      'read artifacts': get('artifacts'),
      'write images': put('images'),
      'make an approval link': makeLink,
      'sign as director': sign(own),
      'start an operation': start,
    },
  },
  events: {
    can: tell,
    cannot: {
      'read a row': readRow,
      'write a row': writeRow,
      'read artifacts': get('artifacts'),
      'hand on work': send(outputs.PollQueueUrl),
    },
  },
  api: {
    can: makeKey,
    cannot: {
      'make an approval link': makeLink,
      'read the login of a registry': readSecret(
        `gantry/${outputs.DeploymentName}/registry/victim/ghcr.io`,
      ),
      'write artifacts': put('artifacts'),
      'write stored signatures': put('stored-signatures'),
      'write desired states': put('desired-states'),
      'hand an artifact to ingest that was not verified': send(outputs.IngestQueueUrl),
      'make a key of another deployment': (as) => kms(as).send(newKey('other')),
      'make a key without a tag': (as) => kms(as).send(newKey(undefined)),
      'take over the director key of another deployment': (as) =>
        kms(as).send(
          new TagResourceCommand({
            KeyId: keys.other,
            Tags: [{ TagKey: 'gantry:director-of', TagValue: outputs.DeploymentName }],
          }),
        ),
    },
  },
};

/** What none of them can do. */
const nobody: Record<string, Call> = {
  'scan the table': (as) => table(as).send(new ScanCommand({ TableName })),
  'hide an artifact behind a mark of deletion': (as) =>
    s3(as).send(new DeleteObjectCommand({ Bucket, Key: Key('artifacts') })),
  'delete a desired state': remove('desired-states'),
  'delete an account root': remove('roots'),
  'open the bucket': (as) => s3(as).send(new PutBucketPolicyCommand({ Bucket, Policy: '{}' })),
  'empty a queue': (as) =>
    sqs(as).send(new PurgeQueueCommand({ QueueUrl: outputs.VerifyQueueUrl })),
  'delete the key of links': (as) =>
    kms(as).send(new ScheduleKeyDeletionCommand({ KeyId: outputs.LinkKeyId })),
  'delete a director key': (as) =>
    kms(as).send(new ScheduleKeyDeletionCommand({ KeyId: keys.own })),
  'sign with the director key of another deployment': sign(() => keys.other),
  'sign with a key of somebody else': sign(() => keys.foreign),
  'read a login of another deployment': readSecret('gantry/other/registry/victim/ghcr.io'),
  'read a secret of somebody else': readSecret('production/database'),
  'make a role': (as) =>
    new IAMClient({ credentials: as }).send(
      new CreateRoleCommand({ RoleName: 'x', AssumeRolePolicyDocument: '{}' }),
    ),
};

/** How a call ended: refused for want of permission, or anything else. */
async function outcome(name: StageName, call: Call): Promise<string> {
  try {
    await call(roles.credentials[name]);
    return 'done';
  } catch (error) {
    const { name: code = '' } = error as { name?: string };
    return /AccessDenied/.test(code) ? 'refused' : code;
  }
}

describe.each(stageNames)('the function %s', (name) => {
  const { can, cannot } = attempts[name];

  test('has credentials that work', async () => {
    expect(await outcome(name, can)).toBe('done');
  });

  test.each(Object.entries({ ...cannot, ...nobody }))('cannot %s', async (_, call) => {
    expect(await outcome(name, call)).toBe('refused');
  });
});
