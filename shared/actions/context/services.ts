import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Aws } from '../../aws/clients.ts';
import { mapConcurrently } from '../../base/concurrency.ts';
import { correlationId, newCorrelationId } from '../../base/log-context.ts';
import { type Messages, type QueueName, writeMessage } from '../../contract/queues.ts';
import type { HostBudget } from '../../domain/registries/index.ts';
import type { Objects } from '../../store/objects.ts';
import type { Db, Write } from '../../store/table/index.ts';

/**
 * The clients, settings and clock that actions use. Every handler builds them from its environment;
 * tests build their own.
 */
export interface Services {
  aws: Aws;
  db: Db;
  objects: Objects;
  settings: Settings;
  now: () => Date;
  /**
   * The writes that keep the result of a create for a request with an `Idempotency-Key`; absent
   * for every other caller. `commit` adds them to the create's transaction.
   */
  keep?: (result: unknown) => Write[];
}

/** A deployment's settings. A function that needs one and lacks it is a deployment error. */
export interface Settings {
  /** The deployment's name among those of one AWS account. */
  deployment: string;
  publicUrl: string;
  senderAddress: string;
  linkKeyId: string;
  stateMachineArn: string;
  queueUrls: Record<QueueName, string>;
  /** Private and loopback hosts that fetches may reach. */
  allowedPrivateHosts: string[];
  /** Base URL of the TUF repository that the public-good trust root is refreshed from. */
  trustRootMirror: string;
  /** The operator's budgets by registry host. */
  budgets: Record<string, HostBudget>;
  /** Percent of a stage's concurrency that one account may take; 100 sets no bound. */
  accountSharePercent: number;
}

/** Messages that are sent to SQS concurrently. */
const sending = 20;

/**
 * Sends messages to a stage's queue, for delivery after `delaySeconds` (15 minutes at most). They
 * carry the correlation id of the work that sends them; if that work has none, as a schedule does,
 * each message gets its own.
 *
 * @throws if SQS does not accept one of them, so that the caller runs again
 */
export async function enqueue<Name extends QueueName>(
  services: Services,
  name: Name,
  messages: Messages[Name][],
  delaySeconds = 0,
): Promise<void> {
  const QueueUrl = services.settings.queueUrls[name];
  const correlation = correlationId();

  await mapConcurrently(messages, sending, (message) => {
    const MessageBody = writeMessage(name, message, correlation ?? newCorrelationId());
    return services.aws.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody, DelaySeconds: delaySeconds }),
    );
  });
}

/** The current time: UTC, ISO 8601. */
export function nowIso(services: Services): string {
  return services.now().toISOString();
}

/** The time `seconds` from now: UTC, ISO 8601. */
export function later(services: Services, seconds: number): string {
  return new Date(services.now().getTime() + seconds * 1000).toISOString();
}
