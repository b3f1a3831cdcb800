import { z } from 'zod';

/**
 * The CloudEvents that Gantry sends: `gantry.<noun>.<verb>`, the verb in the past tense. For each its subject, when it is
 * sent and the keys of its data (`?`: not always there), for the type checker and docs/reference/events.md.
 */
export const eventFacts = {
  'gantry.account.created': {
    subject: 'account/<slug>',
    when: 'An account was made, with its director key and root.',
    data: ['root_sha256'],
  },
  'gantry.root.proposed': {
    subject: 'root/<version>',
    when: 'A next account root waits for signatures.',
    data: ['key_ids', 'threshold', 'director_key_id'],
  },
  'gantry.root.signed': {
    subject: 'root/<version>',
    when: 'A key signed the proposed root, which needs more signatures.',
    data: ['key_id'],
  },
  'gantry.root.withdrawn': { subject: 'root/<version>', when: 'The proposed root was taken back.', data: [] },
  'gantry.root.changed': {
    subject: 'root/<version>',
    when: 'A next root is in force; agents follow it with their next heartbeat.',
    data: ['root_sha256', 'key_ids', 'threshold', 'director_key_id'],
  },
  'gantry.member.added': { subject: 'member/<id>', when: 'A person joined the account.', data: ['roles'] },
  'gantry.member.removed': { subject: 'member/<id>', when: 'A person left the account.', data: [] },
  'gantry.token.created': {
    subject: 'token/<id>',
    when: 'An API token was made.',
    data: ['name?', 'roles', 'member_id?', 'expires_at?'],
  },
  'gantry.token.revoked': { subject: 'token/<id>', when: 'An API token was ended.', data: [] },
  'gantry.category.created': { subject: 'category/<slug>', when: 'A category was added.', data: ['position'] },
  'gantry.registry.login_stored': {
    subject: 'registry/<host>',
    when: 'An operator stored credentials for a registry.',
    data: ['username'],
  },
  'gantry.registry.login_removed': {
    subject: 'registry/<host>',
    when: 'An operator removed the credentials for a registry.',
    data: [],
  },
  'gantry.hook.created': {
    subject: 'hook/<id>',
    when: 'An operator opened a webhook for a registry.',
    data: ['kind', 'host'],
  },
  'gantry.hook.removed': { subject: 'hook/<id>', when: 'An operator closed a webhook.', data: [] },
  'gantry.module.registered': {
    subject: 'module/<name>',
    when: 'A module was registered; its repository is polled from now on.',
    data: ['repository', 'category', 'variety'],
  },
  'gantry.module.updated': {
    subject: 'module/<name>',
    when: 'The registration of a module was changed; `changed` names the fields.',
    data: ['changed', 'policy_version', 'operation_id'],
  },
  'gantry.reservation.changed': {
    subject: 'module/<name>',
    when: 'Paths were reserved for the module, or no longer are.',
    data: ['granted', 'revoked', 'operation_id'],
  },
  'gantry.candidate.found': {
    subject: 'version/<id>',
    when: 'Poll found a digest that was not known.',
    data: ['module', 'digest', 'tag'],
  },
  'gantry.candidate.awaiting_signature': {
    subject: 'version/<id>',
    when: 'It has no signature yet, and is asked again.',
    data: ['module', 'digest', 'code', 'message'],
  },
  'gantry.candidate.verified': {
    subject: 'version/<id>',
    when: 'A signature satisfies the policy; ingest comes next.',
    data: ['module', 'digest'],
  },
  'gantry.candidate.rejected': {
    subject: 'version/<id>',
    when: 'It does not get through; the code says why.',
    data: ['module', 'digest', 'code', 'message'],
  },
  'gantry.tag.moved': {
    subject: 'module/<name>',
    when: 'A tag left the digest of an ingested version, which stays as it is.',
    data: ['code', 'tag', 'from', 'to'],
  },
  'gantry.tag.deleted': {
    subject: 'module/<name>',
    when: 'The registry does not have a tag any more; a version that it named stays as it is.',
    data: ['tag', 'digest'],
  },
  'gantry.repository.failed': {
    subject: 'module/<name>',
    when: 'The first of a row of failed polls.',
    data: ['code', 'message'],
  },
  'gantry.version.ingested': {
    subject: 'version/<id>',
    when: 'A version is built.',
    data: ['module', 'digest', 'version', 'builds'],
  },
  'gantry.version.named': {
    subject: 'version/<id>',
    when: 'A semver tag named what a commit hash named before.',
    data: ['module', 'digest', 'from', 'to'],
  },
  'gantry.version.promoted': {
    subject: 'version/<id>',
    when: 'It is staging, blessed or live now; `from` is what it was.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.superseded': {
    subject: 'version/<id>',
    when: 'Another version went live; this one is blessed again.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.retired': {
    subject: 'version/<id>',
    when: 'It is not handed out any more.',
    data: ['module', 'version', 'from', 'operation_id'],
  },
  'gantry.version.quarantined': {
    subject: 'version/<id>',
    when: 'It does not verify any more, and is not handed out to new machines; `state` is its promotion state.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.released': {
    subject: 'version/<id>',
    when: 'It verifies again, and is quarantined no more.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.unconfirmed': {
    subject: 'version/<id>',
    when: 'It does not verify, by trust material that is stale or without an answer of the registry; it stays as it is.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.version.quarantine_held': {
    subject: 'version/<id>',
    when: 'It does not verify any more, and waits for a person: too many were quarantined within a day.',
    data: ['module', 'version', 'state', 'code?', 'message?'],
  },
  'gantry.operation.requested': {
    subject: 'operation/<id>',
    when: 'Somebody asked for a change.',
    data: ['action', 'summary'],
  },
  'gantry.operation.awaiting_approval': {
    subject: 'operation/<id>',
    when: 'Reviewers are asked by mail.',
    data: ['action', 'summary', 'approval_id'],
  },
  'gantry.operation.succeeded': {
    subject: 'operation/<id>',
    when: 'The change is applied.',
    data: ['action', 'summary', 'code', 'message'],
  },
  'gantry.operation.refused': {
    subject: 'operation/<id>',
    when: 'A policy, a check or a reviewer refused it.',
    data: ['action', 'summary', 'code', 'message'],
  },
  'gantry.operation.failed': {
    subject: 'operation/<id>',
    when: 'It could not be composed or applied; the code says why.',
    data: ['action', 'summary', 'code', 'message'],
  },
  'gantry.operation.expired': {
    subject: 'operation/<id>',
    when: 'Nobody decided in time.',
    data: ['action', 'summary', 'code', 'message'],
  },
  'gantry.operation.withdrawn': {
    subject: 'operation/<id>',
    when: 'It was taken back.',
    data: ['action', 'summary', 'code', 'message'],
  },
  'gantry.approval.decided': {
    subject: 'approval/<id>',
    when: 'A reviewer decided; `state` is what all decisions so far come to.',
    data: ['decision', 'by', 'state', 'operation_id'],
  },
  'gantry.policy.changed': {
    subject: 'policy/<action>',
    when: 'What an action asks for was changed.',
    data: ['decision', 'quorum', 'self_approval', 'expires_in_s', 'operation_id'],
  },
  'gantry.template.created': { subject: 'template/<id>', when: 'A template was made.', data: ['name', 'platform'] },
  'gantry.assignment.changed': {
    subject: 'assignment/<id>',
    when: 'A module was assigned to a template, its assignment changed, or taken away.',
    data: ['change', 'template_id', 'module', 'operation_id'],
  },
  'gantry.composition.made': {
    subject: 'template/<id>',
    when: 'A track of a template has a new composition.',
    data: ['track', 'digest', 'layers'],
  },
  'gantry.composition.failed': {
    subject: 'template/<id>',
    when: 'A track of a template could not be composed as it is now; the composition before stays.',
    data: ['track', 'code', 'message'],
  },
  'gantry.instance.created': {
    subject: 'instance/<id>',
    when: 'An instance was made.',
    data: ['name', 'template_id', 'track'],
  },
  'gantry.instance.enrolled': {
    subject: 'instance/<id>',
    when: 'An agent bound its key to the instance.',
    data: ['key_thumbprint'],
  },
  'gantry.instance.changed': {
    subject: 'instance/<id>',
    when: 'Its metadata, track or clusters were changed, or it has a new join token.',
    data: ['join_token?', 'changed?', 'operation_id?'],
  },
  'gantry.instance.credential_reused': {
    subject: 'instance/<id>',
    when: 'Its credential was used from two places and is revoked; an alarm is raised. It may enrol again.',
    data: ['why', 'key_thumbprint'],
  },
  'gantry.instance.decommissioned': {
    subject: 'instance/<id>',
    when: 'The instance is no machine of the account any more; its agent wipes its key and secrets.',
    data: ['name'],
  },
  'gantry.instance.reported': {
    subject: 'instance/<id>',
    when: 'What the machine runs, or whether that is right, changed.',
    data: ['status', 'code'],
  },
  'gantry.instance.drifted': {
    subject: 'instance/<id>',
    when: 'The machine began to differ from its desired state.',
    data: ['reason', 'code'],
  },
  'gantry.desired_state.failed': {
    subject: 'instance/<id>',
    when: 'What an instance is to be could not be made; the desired state before stays.',
    data: ['code', 'message'],
  },
  'gantry.desired_state.signed': {
    subject: 'instance/<id>',
    when: 'The instance has a new desired state.',
    data: ['version', 'composition_digest'],
  },
} as const;

export type EventType = keyof typeof eventFacts;

export const eventTypes = Object.keys(eventFacts) as [EventType, ...EventType[]];

type DataKey<Type extends EventType> = (typeof eventFacts)[Type]['data'][number];

/** What an event of a type carries: exactly the keys that `eventFacts` states. */
export type EventData<Type extends EventType> = {
  [Key in DataKey<Type> as Key extends `${string}?` ? never : Key]: unknown;
} & { [Key in DataKey<Type> as Key extends `${infer Name}?` ? Name : never]?: unknown };

/** One event, as stored beside the change it tells of and as sent (CloudEvents 1.0 attributes in `toCloudEvent`). */
export const eventSchema = z.object({
  id: z.string(),
  type: z.enum(eventTypes),
  account: z.string(),
  /** What it happened to, e.g. `module/my-redis` or `version/ver_…`. */
  subject: z.string(),
  /** Who did it: `member:<id>`, `token:<id>`, `instance:<id>` or `gantry:<stage>`. */
  actor: z.string(),
  at: z.iso.datetime(),
  data: z.record(z.string(), z.unknown()),
});

export type GantryEvent = z.infer<typeof eventSchema>;

/** The event in CloudEvents 1.0's JSON form. */
export function toCloudEvent(event: GantryEvent) {
  return {
    specversion: '1.0',
    id: event.id,
    type: event.type,
    source: `/gantry/accounts/${event.account}`,
    subject: event.subject,
    time: event.at,
    datacontenttype: 'application/json',
    actor: event.actor,
    data: event.data,
  };
}
