import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Aws } from '../../aws/clients.ts';
import { mapAtOnce } from '../../base/concurrency.ts';
import type {
  CollectMessage,
  ComposeMessage,
  IngestMessage,
  PollMessage,
  ReconcileMessage,
  ReverifyMessage,
  VerifyMessage,
} from '../../contract/messages.ts';
import type { HostBudget } from '../../domain/registries/index.ts';
import type { Db } from '../../store/db.ts';
import type { Objects } from '../../store/objects.ts';

/** What actions work with: the outside, handed in. Every handler builds one; tests may too. */
export interface Services {
  aws: Aws;
  db: Db;
  objects: Objects;
  settings: Settings;
  now: () => Date;
}

/** A deployment's settings; a function that lacks one and needs it is a deployment error. */
export interface Settings {
  /** Of the deployment, among those of one AWS account. */
  deployment: string;
  publicUrl: string;
  senderAddress: string;
  linkKeyId: string;
  stateMachineArn: string;
  queueUrls: {
    poll: string;
    verify: string;
    reverify: string;
    ingest: string;
    compose: string;
    reconcile: string;
    collect: string;
  };
  /** Hosts that fetches may reach although their addresses are private or loopback. */
  allowedPrivateHosts: string[];
  /** Base URL of the TUF repository that the public-good trust root is refreshed from. */
  trustRootMirror: string;
  /** Budgets that an operator set, by registry host. */
  budgets: Record<string, HostBudget>;
}

export interface Messages {
  poll: PollMessage;
  verify: VerifyMessage;
  reverify: ReverifyMessage;
  ingest: IngestMessage;
  compose: ComposeMessage;
  reconcile: ReconcileMessage;
  collect: CollectMessage;
}

/** Messages on their way to SQS at the same time. */
const sending = 20;

/**
 * Sends messages to a stage's queue, to be delivered after `delaySeconds` (15 minutes at most). Throws when any was not
 * taken, so that the caller is retried.
 */
export async function enqueue<Stage extends keyof Messages>(
  services: Services,
  stage: Stage,
  messages: Messages[Stage][],
  delaySeconds = 0,
): Promise<void> {
  const QueueUrl = services.settings.queueUrls[stage];
  await mapAtOnce(messages, sending, (message) => {
    const MessageBody = JSON.stringify(message);
    return services.aws.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody, DelaySeconds: delaySeconds }),
    );
  });
}

/** The current time as Gantry writes it. */
export function nowIso(services: Services): string {
  return services.now().toISOString();
}

/** A time `seconds` from now, as Gantry writes it. */
export function later(services: Services, seconds: number): string {
  return new Date(services.now().getTime() + seconds * 1000).toISOString();
}
