import { z } from 'zod';

/** Types of the CloudEvents that Gantry sends: `gantry.<noun>.<verb>`, the verb in the past tense. */
export const eventTypes = [
  'gantry.account.created',
  'gantry.member.added',
  'gantry.member.removed',
  'gantry.token.created',
  'gantry.token.revoked',
  'gantry.category.created',
  'gantry.module.registered',
  'gantry.module.updated',
  'gantry.candidate.found',
  'gantry.candidate.awaiting_signature',
  'gantry.candidate.verified',
  'gantry.candidate.rejected',
  'gantry.tag.moved',
  'gantry.repository.failed',
  'gantry.version.ingested',
  'gantry.version.promoted',
  'gantry.version.superseded',
  'gantry.version.retired',
  'gantry.operation.requested',
  'gantry.operation.awaiting_approval',
  'gantry.operation.succeeded',
  'gantry.operation.refused',
  'gantry.operation.failed',
  'gantry.operation.expired',
  'gantry.operation.withdrawn',
  'gantry.approval.decided',
  'gantry.policy.changed',
  'gantry.template.created',
  'gantry.assignment.changed',
  'gantry.composition.made',
  'gantry.instance.created',
  'gantry.instance.enrolled',
  'gantry.instance.changed',
  'gantry.instance.reported',
  'gantry.instance.drifted',
  'gantry.desired_state.signed',
] as const;

export type EventType = (typeof eventTypes)[number];

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
