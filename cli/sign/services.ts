import { setTimeout as sleep } from 'node:timers/promises';
import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import { readBounded } from '../../shared/base/read-bounded.ts';

/** A service that takes part in a signature, as errors name it. */
export interface Service {
  kind: keyof typeof kinds;
  url: string;
}

const kinds = {
  fulcio: { name: 'the certificate authority', flag: '--fulcio-url' },
  rekor: { name: 'the transparency log', flag: '--rekor-url' },
  tsa: { name: 'the timestamp authority', flag: '--timestamp-server-url' },
} as const;

/**
 * Calls a service and says in its error which one failed, how, and what to do.
 * @throws GantryError `certificate_refused`, `signing_service_error`,
 * `signing_service_unreachable`; those of `call` as they are
 */
export async function callService<T>(service: Service, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw toServiceError(service, cause);
  }
}

function toServiceError({ kind, url }: Service, error: unknown): GantryError {
  const causes = listCauses(error);
  const ours = causes.find((one) => one instanceof GantryError);
  if (ours !== undefined) return ours;

  const { name, flag } = kinds[kind];
  const status = causes.map(statusOf).find((one) => one !== undefined);
  const found = causes.at(-1)?.message ?? String(error);
  if (status === undefined) {
    return new GantryError(
      'signing_service_unreachable',
      `expected ${name} ${url} to respond, found ${found}; its bundle was not attached, so retry, or name another one with ${flag}`,
      { cause: error },
    );
  }

  if (kind === 'fulcio' && status >= 400 && status < 500) {
    return new GantryError(
      'certificate_refused',
      `expected a certificate from ${url} for the identity token, found ${found}; it must accept the issuer and the audience of the token (--oidc-client-id)`,
      { found: status, cause: error },
    );
  }

  return new GantryError(
    'signing_service_error',
    `expected ${name} ${url} to take the signature, found ${found}; its bundle was not attached, so retry, or name another one with ${flag}`,
    { found: status, cause: error },
  );
}

/** A response of a service whose status is an error. */
export class StatusError extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, text: string) {
    super(`(${statusCode}) ${text}`);
    this.name = new.target.name;
    this.statusCode = statusCode;
  }
}

/**
 * Reads the body of a response as text.
 * @throws StatusError if it is longer than a service of this kind sends
 */
export async function readText(response: Response): Promise<string> {
  const max = limits.signingResponseBytesMax;
  const bytes = await readBounded(
    response.body ?? [],
    max,
    () => new StatusError(response.status, `a response of more than ${max} bytes`),
  );
  return bytes.toString('utf8');
}

function listCauses(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let one = error; one instanceof Error && !causes.includes(one); one = one.cause) {
    causes.push(one);
  }
  return causes;
}

function statusOf(error: Error): number | undefined {
  return 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}

/** How often the library and `retryService` retry, and how long they wait first. */
export const serviceRetry = { retries: 2, minTimeout: 250, factor: 2 } as const;

/** Retries what fails without a response or with a server error. */
export async function retryService<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const isFinal = error instanceof StatusError && error.statusCode < 500;
      if (isFinal || attempt >= serviceRetry.retries) throw error;
      await sleep(serviceRetry.minTimeout * serviceRetry.factor ** attempt);
    }
  }
}
