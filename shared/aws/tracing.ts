import { Tracer } from '@aws-lambda-powertools/tracer';

/** The tracer of this process. Outside Lambda it does nothing. */
export const tracer = new Tracer();

/** Makes the calls of an AWS client visible in the trace of the work that makes them. */
export function captureClient<Client>(client: Client): Client {
  return tracer.captureAWSv3Client(client);
}

/**
 * Runs work in a subsegment of its own. Messages of one batch run concurrently, so the subsegment is bound to the work and
 * not to the process.
 */
export async function traceWork<T>(
  name: string,
  annotations: Record<string, unknown>,
  work: () => Promise<T>,
): Promise<T> {
  if (!tracer.isTracingEnabled()) return work();

  return tracer.provider.captureAsyncFunc(`## ${name}`, async (segment) => {
    for (const [key, value] of Object.entries(annotations)) {
      if (typeof value === 'string') segment?.addAnnotation(key, value);
    }
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
