import type { Tracer } from '@aws-lambda-powertools/tracer';
import { afterEach, expect, it, vi } from 'vitest';

type Segment = Parameters<Tracer['setSegment']>[0];

/** A subsegment that keeps what is written to it. */
interface Recorded {
  name: string;
  annotations: Record<string, unknown>;
  errors: unknown[];
  closed: boolean;
}

/** A segment as Lambda opens one, with its subsegments. */
function recorder(subsegments: Recorded[]): Segment {
  const addNewSubsegment = (name: string) => {
    const kept: Recorded = { name, annotations: {}, errors: [], closed: false };
    subsegments.push(kept);

    return {
      addNewSubsegment,
      addAnnotation: (key: string, value: unknown) => {
        kept.annotations[key] = value;
      },
      addError: (error: unknown) => kept.errors.push(error),
      close: () => {
        kept.closed = true;
      },
    };
  };
  return { addNewSubsegment } as unknown as Segment;
}

async function inLambda() {
  vi.stubEnv('AWS_EXECUTION_ENV', 'AWS_Lambda_nodejs24.x');
  vi.resetModules();
  return import('../../../shared/aws/tracing.ts');
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

it('gives each piece of work a subsegment with its own annotations, also when they run concurrently', async () => {
  const { annotate, tracer, traceWork } = await inLambda();
  const subsegments: Recorded[] = [];

  await tracer.provider.getNamespace().runAndReturn(async () => {
    tracer.setSegment(recorder(subsegments));
    await Promise.all(
      ['nginx', 'redis'].map((module) =>
        traceWork(module, { account: 'acme', duration_ms: 1 }, async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          annotate({ module });
        }),
      ),
    );
  });

  expect(subsegments).toEqual(
    ['nginx', 'redis'].map((module) => ({
      name: `## ${module}`,
      annotations: { account: 'acme', module },
      errors: [],
      closed: true,
    })),
  );
});

it('keeps the error of failed work and closes its subsegment', async () => {
  const { tracer, traceWork } = await inLambda();
  const subsegments: Recorded[] = [];
  const failure = new Error('no such thing');

  await tracer.provider.getNamespace().runAndReturn(async () => {
    tracer.setSegment(recorder(subsegments));
    const work = traceWork('Verify', {}, () => Promise.reject(failure));
    await expect(work).rejects.toBe(failure);
  });

  expect(subsegments).toMatchObject([{ errors: [failure], closed: true }]);
});

it('does nothing outside Lambda', async () => {
  const { traceWork } = await import('../../../shared/aws/tracing.ts');
  expect(await traceWork('Verify', {}, async () => 'done')).toBe('done');
});
