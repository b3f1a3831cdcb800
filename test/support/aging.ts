import { setTimeout as sleep } from 'node:timers/promises';
import type { Services } from '../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { hasObject } from '../../shared/store/objects.ts';
import { alone } from './flow.ts';

/**
 * Services of a day later: to them, whatever lies in the bucket by now has the age at which the
 * collector takes it. Age is the one thing that can be provoked in no other way. Nothing is
 * enqueued for the stack, so that the test does all itself.
 */
export async function aDayLater(): Promise<Services> {
  // S3 tells times in whole seconds.
  await sleep(1000 - (Date.now() % 1000));
  const before = Date.now();

  await sleep(10);
  const services = await alone(servicesFromEnvironment());
  const aged = (time: Date | undefined) =>
    time !== undefined && time.getTime() < before
      ? new Date(time.getTime() - limits.objectGraceSeconds * 1000 - 1000)
      : time;

  services.objects.s3.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const output = result.output as { LastModified?: Date; Versions?: { LastModified?: Date }[] };

      for (const one of [output, ...(output.Versions ?? [])]) {
        const modified = aged(one.LastModified);
        if (modified !== undefined) one.LastModified = modified;
      }

      return result;
    },
    { step: 'initialize' },
  );

  return services;
}

/** Which of these objects are there. */
export async function present(services: Services, keys: string[]): Promise<string[]> {
  const there = await Promise.all(keys.map((key) => hasObject(services.objects, key)));
  return keys.filter((_, index) => there[index]);
}
