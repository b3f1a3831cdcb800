import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { isCorrelationId } from '../base/log-context.ts';
import { type Stage, type StageName, type StageQueueFacts, stages } from './stages.ts';

/** The stages that read a queue; a queue has its stage's name. */
export type QueueName = {
  [Name in StageName]: (typeof stages)[Name] extends { queue: StageQueueFacts } ? Name : never;
}[StageName];

export const queueNames = queuesOf(stages) as QueueName[];

/** The message that each queue carries. */
export type Messages = {
  [Name in QueueName]: z.output<(typeof stages)[Name]['queue']['message']>;
};

/** The environment variable that holds a queue's URL. */
export type QueueVariable<Name extends string = QueueName> = `${Uppercase<Name>}_QUEUE_URL`;

/** The output of the stack that holds a queue's URL. */
export type QueueOutput<Name extends string = QueueName> = `${Capitalize<Name>}QueueUrl`;

export function queuesOf(table: Readonly<Record<string, Stage>>): string[] {
  return Object.keys(table).filter((name) => table[name]?.queue !== undefined);
}

export function queueVariable<Name extends string>(name: Name): QueueVariable<Name> {
  return `${name.toUpperCase() as Uppercase<Name>}_QUEUE_URL`;
}

export function queueOutput<Name extends string>(name: Name): QueueOutput<Name> {
  return `${capitalize(name)}QueueUrl`;
}

export function capitalize<Name extends string>(name: Name): Capitalize<Name> {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}` as Capitalize<Name>;
}

/**
 * The fields that every message has beside its own: its format, and the flow that it belongs to.
 */
const envelope = z.object({
  v: z.number().int().positive(),
  correlation_id: z.string().optional(),
});

/** A message as it travels, in the present format of its queue. */
export function writeMessage<Name extends QueueName>(
  name: Name,
  message: Messages[Name],
  correlation_id: string,
): string {
  return JSON.stringify({ v: stages[name].queue.version, correlation_id, ...message });
}

/**
 * Reads a message of a queue and converts it to the present format. The correlation id is absent if
 * the sender gave no valid one.
 *
 * @throws GantryError `message_unsupported` for an unknown format, or a message that does not match
 * its format
 */
export function readMessage<Name extends QueueName>(
  name: Name,
  body: string,
): { message: Messages[Name]; correlation_id: string | undefined } {
  const { message, correlation_id } = parseMessage(name, stages[name].queue, body);
  return { message: message as Messages[Name], correlation_id };
}

/** As {@link readMessage}, of a queue that need not be in the table. */
export function parseMessage(
  name: string,
  { version, message, earlier = {} }: StageQueueFacts,
  body: string,
): { message: unknown; correlation_id: string | undefined } {
  const json = parseJson(name, body);
  const sent = envelope.safeParse(json);
  if (!sent.success)
    throw unsupported(name, `expected a format version v, ${describe(sent.error)}`);

  const { v, correlation_id } = sent.data;
  const schema = v === version ? message : earlier[v];
  if (schema === undefined) {
    const known = [...Object.keys(earlier), version].join(', ');
    throw unsupported(name, `expected format version ${known}, found ${v}`);
  }

  const parsed = schema.safeParse(json);
  if (!parsed.success) throw unsupported(name, describe(parsed.error));

  return {
    message: parsed.data,
    correlation_id: isCorrelationId(correlation_id) ? correlation_id : undefined,
  };
}

function parseJson(name: string, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw unsupported(name, 'expected JSON');
  }
}

function describe(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

function unsupported(name: string, problem: string): GantryError {
  return new GantryError('message_unsupported', `a message of the queue ${name}: ${problem}`);
}
