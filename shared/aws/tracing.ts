import { Tracer } from '@aws-lambda-powertools/tracer';

/** The tracer of this process. Outside Lambda it does nothing. */
export const tracer = new Tracer();

/** Makes the calls of an AWS client visible in the trace of the work that makes them. */
export function captureClient<Client>(client: Client): Client {
  return tracer.captureAWSv3Client(client);
}

/**
 * Runs work in a subsegment of its own. Messages of one batch run concurrently, so the subsegment
 * is bound to the work and not to the process.
 */
export async function traceWork<T>(
  name: string,
  keys: Readonly<Record<string, unknown>>,
  work: () => Promise<T>,
): Promise<T> {
  if (!tracer.isTracingEnabled()) return work();

  return tracer.provider.captureAsyncFunc(`## ${name}`, async (segment) => {
    annotate(keys);
    try {
      return await work();
    } catch (error) {
      segment?.addError(error as Error);
      throw error;
    } finally {
      segment?.close();
    }
  }) as Promise<T>;
}

/** Annotates the subsegment of the work that runs now: X-Ray finds traces by annotations. */
export function annotate(keys: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(keys)) {
    if (typeof value === 'string') tracer.putAnnotation(key, value);
  }
}
