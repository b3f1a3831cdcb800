import { expect, test } from 'vitest';
import { grants } from '../../scripts/grants.ts';
import type { ObjectKind } from '../../shared/contract/objects.ts';
import { type StageName, stageNames, stages } from '../../shared/contract/stages.ts';

const functions: string[] = stageNames;
const allowed = grants().filter(({ effect }) => effect === 'Allow');

/** Which functions have an action on a resource that a pattern matches. */
function holders(action: string, resource: RegExp): string[] {
  const found = allowed.filter(
    ({ actions, resources }) =>
      actions.includes(action) && resources.some((each) => resource.test(each)),
  );
  return [...new Set(found.map(({ role }) => role))];
}

test('every function has a role, and no role is shared or left without one', () => {
  const roles = new Set(allowed.map(({ role }) => role));
  expect([...roles].sort()).toEqual([...functions, 'PromotionStateMachine'].sort());
});

test('nobody may change roles, policies, functions, keys, buckets, tables or queues', () => {
  const changing =
    /^(?:iam|sts|lambda|cloudformation|organizations|logs:(?:Delete(?!LogDelivery)|Create(?!LogStream|LogDelivery)))|:(?:Put|Delete|Set|Attach|Create|Update|Schedule|Disable|Purge)(?:\w*Policy|Grant|Key(?!$)|Bucket|Table|Queue|Alias|Role|Function)/;
  const found = allowed
    .filter(({ role }) => functions.includes(role))
    .flatMap(({ role, actions }) =>
      actions.filter((action) => changing.test(action)).map((each) => `${role} ${each}`),
    );

  // Who makes director keys: 'director keys are made and used under their tag only' bounds it. The
  // role is KMS's own.
  expect(found.sort()).toEqual([
    'api iam:CreateServiceLinkedRole',
    'create iam:CreateServiceLinkedRole',
  ]);
});

test('a wildcard in a resource covers names known only at run time, below a fixed prefix', () => {
  const wild = allowed
    .filter(({ role }) => functions.includes(role))
    .flatMap(({ resources }) => resources)
    .filter((resource) => resource.includes('*') && resource !== '*');
  const known = [
    /^StorageArtifacts\/accounts\/\*\/[a-z-]+\/\*$/,
    /^arn:aws:secretsmanager:<region>:<account>:secret:gantry\/main\/(registry|hook)\/\*$/,
    /^arn:aws:states:<region>:<account>:execution:PromotionStateMachine\.Name:\*$/,
    // A deployment narrows it by a setting.
    /^arn:aws:ecr:<region>:<account>:repository\/\*$/,
    // Bound by the tag.
    /^arn:aws:kms:<region>:<account>:key\/\*$/,
  ];

  expect(wild.filter((resource) => !known.some((pattern) => pattern.test(resource)))).toEqual([]);
});

test('each kind of object has one function that writes it, signatures and documents those that read them', () => {
  const writers: Record<ObjectKind, StageName[]> = {
    artifacts: ['ingest'],
    'file-indexes': ['ingest'],
    'stored-signatures': ['reverify', 'verify'],
    documents: ['ingest', 'reverify', 'verify'],
    images: ['compose'],
    compositions: ['compose'],
    'desired-states': ['reconcile'],
    roots: ['api', 'create'],
  };

  for (const [kind, names] of Object.entries(writers)) {
    expect(holders('s3:PutObject', new RegExp(`/accounts/\\*/${kind}/`)).sort(), kind).toEqual(
      names,
    );
  }

  const kinds = allowed
    .filter(({ actions }) => actions.includes('s3:PutObject'))
    .flatMap(({ resources }) =>
      resources.flatMap((each) => /\/accounts\/\*\/([a-z-]+)\//.exec(each)?.[1] ?? []),
    );

  expect([...new Set(kinds)].sort()).toEqual(Object.keys(writers).sort());
});

test('each queue has one function that reads it, and no function reads two', () => {
  const readers = allowed
    .filter(({ actions }) => actions.includes('sqs:ReceiveMessage'))
    .map(({ role, resources }) => `${role} ${resources}`);
  expect(readers.sort()).toEqual([
    'collect CollectQueue',
    'compose ComposeQueue',
    'create CreateQueue',
    'ingest IngestQueue',
    'poll PollQueue',
    'reconcile ReconcileQueue',
    'reverify ReverifyQueue',
    'verify VerifyQueue',
    'watch WatchQueue',
  ]);
});

test('what was verified is handed on by verify alone, and only ingest puts its work off', () => {
  expect(holders('sqs:SendMessage', /^IngestQueue$/).sort()).toEqual(['ingest', 'verify']);
});

test('promote and sweep make and mail approval links, the API checks them and mails invitations', () => {
  expect(holders('kms:GenerateMac', /./)).toEqual(['promote', 'sweep']);
  expect(holders('kms:VerifyMac', /./)).toEqual(['api']);
  expect(holders('ses:SendEmail', /identity\/OutsideSender$/)).toEqual([
    'promote',
    'sweep',
    'watch',
    'api',
  ]);
});

test('director keys are used for roots by the API and create, and for desired states by reconcile', () => {
  expect(holders('kms:Sign', /./).sort()).toEqual(['api', 'create', 'reconcile']);
  expect(holders('kms:CreateKey', /./).sort()).toEqual(['api', 'create']);
});

test('versions of objects are listed only below the prefix of a kind that is collected', () => {
  const listings = allowed.filter(({ actions }) => actions.includes('s3:ListBucketVersions'));
  const prefixes = listings.map(({ role, conditions }) => [role, conditions]);

  expect(prefixes).toEqual(
    stages.collect.grants.collect.map((kind) => [
      'collect',
      { StringLike: { 's3:prefix': `accounts/*/${kind}/` } },
    ]),
  );
});
