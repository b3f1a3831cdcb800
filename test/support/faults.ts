import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Services } from '../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';

/**
 * How a write ends: it is not made and its worker hears of that, or it is made and its worker is
 * dead from then on.
 */
export type Stop = 'fails' | 'kills';

/**
 * Services whose n-th write, to the table, the bucket or a queue, fails or kills. What a registry's
 * budget notes of a worker (`Update`) is not counted: how often it is asked depends on others.
 * @returns with the commands of all writes that were asked for so far, in order
 */
export function stoppedAt(
  services: Services,
  n: number,
  stop: Stop,
): { worker: Services; writes: string[] } {
  const writes: string[] = [];
  let dead = false;

  const send = async (command: object, go: () => unknown) => {
    if (dead) throw new Error('the worker is dead');

    const { name } = command.constructor;
    if (!/^(Put|Create|Upload|Complete|Abort|Copy|Transact|Delete|SendMessage)/.test(name))
      return go();

    writes.push(name.replace('Command', ''));
    if (writes.length !== n) return go();
    if (stop === 'fails') throw new Error(`write ${n} fails`);

    dead = true;
    await go();
    throw new Error(`the worker died after write ${n}`);
  };

  const watched = <Client extends { send: unknown }>(client: Client): Client =>
    new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== 'send' || typeof value !== 'function') return value;
        return (command: object, ...rest: unknown[]) =>
          send(command, () => Reflect.apply(value, target, [command, ...rest]));
      },
    });

  const { dynamodb, s3, sqs } = services.aws;
  const aws = { ...services.aws, dynamodb: watched(dynamodb), s3: watched(s3), sqs: watched(sqs) };

  const worker = {
    ...services,
    aws,
    db: { ...services.db, client: aws.dynamodb },
    objects: { ...services.objects, s3: aws.s3 },
  };

  return { worker, writes };
}

/**
 * Services that stop where the first mail would be sent, as if the process had died there.
 * @returns with a promise of that moment; what called the services never ends
 */
export function stoppedAtMail(services: Services): { worker: Services; reached: Promise<void> } {
  let reach = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const ses = new Proxy(services.aws.ses, {
    get(target, name) {
      if (name !== 'send') return Reflect.get(target, name, target);
      return () => {
        reach();
        return new Promise(() => {});
      };
    },
  });

  return { worker: { ...services, aws: { ...services.aws, ses } }, reached };
}

/** Which of the tries of a command are throttled; `attempt` counts from 1. */
export type Throttle = (command: string, attempt: number) => boolean;

const answers = {
  s3: {
    statusCode: 503,
    headers: { 'content-type': 'application/xml' },
    body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
  },
  dynamodb: {
    statusCode: 400,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: '{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}',
  },
};

/**
 * Like `services`, with clients whose requests are throttled as AWS does it. The local cloud never
 * does, so the answer is made where a request would leave the SDK: what the SDK makes of it,
 * retries among it, is real.
 * @returns with how many answers were made up
 */
export function throttled(
  services: Services,
  throttle: Throttle,
): { busy: Services; count: () => number } {
  let count = 0;
  const fresh = servicesFromEnvironment();

  for (const service of ['s3', 'dynamodb'] as const) {
    const { middlewareStack } = fresh.aws[service] as unknown as S3Client;
    middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          const { headers } = args.request as { headers: Record<string, string> };
          const attempt = Number(
            /attempt=([0-9]+)/.exec(headers['amz-sdk-request'] ?? '')?.[1] ?? 1,
          );
          if (!throttle(commandName.replace('Command', ''), attempt)) return next(args);

          count += 1;
          const { body, ...answer } = answers[service];
          return { response: { ...answer, body: Readable.from([Buffer.from(body)]) } };
        },
      // Nearer to the wire than all that reads the answer.
      { step: 'deserialize', priority: 'low' },
    );
  }

  const { aws, objects } = fresh;
  const db = { ...fresh.db, table: services.db.table };
  return { busy: { ...services, aws, db, objects }, count: () => count };
}
