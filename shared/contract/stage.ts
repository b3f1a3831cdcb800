import type { z } from 'zod';
import type { ObjectKind } from './objects.ts';

/** A queue that a stage reads, with the format of its messages. */
export interface StageQueueFacts {
  /** The present format. Raise its version if the previous release cannot read the change. */
  version: number;
  message: z.ZodType;
  /**
   * Former formats by version; each transforms into the present one. They keep messages readable
   * that were sent before an upgrade.
   */
  earlier?: Readonly<Record<number, z.ZodType>>;
  /** Messages of one call. It is one if a slow message must not delay others. */
  batchSize: number;
  /**
   * Calls that run concurrently: a burst leaves the account's Lambda capacity to the other stages.
   */
  concurrency: number;
  /**
   * An alarm fires when a message is older: workers that are killed, or are never called, report no
   * error. Only where no schedule sends the same work again.
   */
  oldestMinutes?: number;
}

/** The scheduled calls of a stage. */
export interface StageSchedule {
  /** Part of the rule's name: EveryMinute. */
  name: string;
  everyMinutes: number;
  /** How often Lambda retries a failed call, and the maximal age of a call. */
  retryAttempts: number;
  eventAgeMinutes: number;
}

/** The grants of IAM to a stage beyond its own queue and log. */
export interface StageGrants {
  table?: 'read' | 'write';
  objects?: { read?: readonly ObjectKind[]; write?: readonly ObjectKind[] };
  /** Deletes old versions of these kinds of objects. */
  collect?: readonly ObjectKind[];
  trustRoot?: 'read' | 'write';
  /** `sign` as director; `make` keys too. */
  directorKeys?: readonly ('make' | 'sign')[];
  links?: 'make' | 'check';
  executions?: readonly ('start' | 'describe' | 'answer')[];
  /**
   * Outside the stack: registries with their logins, the mirror of the trust root, any public host,
   * mail.
   */
  outside?: readonly ('registries' | 'mirror' | 'hosts' | 'mail')[];
  /** Stores logins of registries and secrets of webhooks. */
  secrets?: 'write';
  publicUrl?: true;
}

/** A metric of a stage with an alarm that a person must look at. */
export interface StageAlarm {
  metric: string;
  description: string;
  /**
   * The alarm fires above 0 in five minutes, or with `below`, under that value in so many hours.
   */
  below?: { value: number; hours: number };
}

/** One function of the stack, with everything that differs between stages. */
export interface Stage<Name extends string = string> {
  description: string;
  /** The file that exports `handler`. */
  entry: string;
  timeoutSeconds: number;
  /** 1769 MiB is one whole CPU. */
  memoryMiB: number;
  queue?: StageQueueFacts;
  /** Queues that it sends to. One that sends to itself is allowed to recurse. */
  sends?: readonly Name[];
  schedule?: StageSchedule;
  grants?: StageGrants;
  /** By the alarm's name. */
  alarms?: Readonly<Record<string, StageAlarm>>;
}
