import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { parseAllowList, parseHostBudgets } from '../domain/registries/index.ts';
import { type QueueName, type QueueVariable, queueNames, queueVariable } from './queues.ts';

const text = z.string().min(1);

/** Budgets of registry hosts, as a deployment's setting has them. */
export const registryBudgets = z
  .string()
  .default('')
  .transform((list, context) => {
    const budgets = parseHostBudgets(list);
    if (budgets !== null) return budgets;
    context.addIssue('expected host=requestsPerSecond:concurrency,…');
    return z.NEVER;
  });

/** Percent of a stage's concurrency that one account may take; 100 sets no bound. */
export const accountSharePercent = z.coerce
  .number('expected a number of percent from 10 to 100')
  .int('expected a whole number of percent')
  .min(10, 'expected at least 10 percent')
  .max(100, 'expected at most 100 percent')
  .default(75);

/**
 * Names, addresses and networks of hosts that may be private, as a deployment's setting lists them.
 */
export const allowedPrivateHosts = z
  .string()
  .default('')
  .transform((list, context) => {
    const entries = list.split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()]));
    try {
      parseAllowList(entries);
      return entries;
    } catch (error) {
      context.addIssue(error instanceof RangeError ? error.message : String(error));
      return z.NEVER;
    }
  });

/** The URL of each queue, by the variable's name. */
const queueVariables = Object.fromEntries(
  queueNames.map((name) => [queueVariable(name), z.url()]),
) as { [Name in QueueName as QueueVariable<Name>]: z.ZodURL };

/** Every variable that the stack gives its functions. No other file has the names. */
const variables = {
  ...queueVariables,
  /** Tells deployments in one AWS account apart: their secrets and keys carry it. */
  DEPLOYMENT_NAME: text,
  TABLE_NAME: text,
  BUCKET_NAME: text,
  EVENT_BUS_NAME: text,
  STATE_MACHINE_ARN: text,
  /** The KMS key that makes and checks the MACs of approval links. */
  LINK_KEY_ID: text,
  /** The From address of mail. */
  SENDER_ADDRESS: text,
  /**
   * The URL at which people and agents reach the API. Mail links and DPoP's `htu` begin with it. No
   * trailing slash.
   */
  PUBLIC_URL: z.url().transform((url) => url.replace(/\/+$/, '')),
  /** The issuer whose JWTs sign people in; absent if an installation has none. */
  OIDC_ISSUER: z.url().optional(),
  /** Hosts that outgoing requests may reach although their addresses are private. */
  ALLOWED_PRIVATE_HOSTS: allowedPrivateHosts,
  /** Base URL of the TUF repository of the public-good trust root. No trailing slash. */
  TRUST_ROOT_MIRROR: z.url().transform((url) => url.replace(/\/+$/, '')),
  /** Budgets of registries that replace the defaults, as `host=requestsPerSecond:concurrency,…`. */
  REGISTRY_BUDGETS: registryBudgets,
  ACCOUNT_SHARE_PERCENT: accountSharePercent,
} as const;

export type EnvironmentName = keyof typeof variables;
export type Environment = { [N in EnvironmentName]: z.output<(typeof variables)[N]> };

export const environmentNames = Object.keys(variables) as EnvironmentName[];

/**
 * The named variables of this process, parsed. A function names what it needs; the stack sets only
 * these.
 *
 * @throws GantryError `internal` naming each variable that is missing or malformed
 */
export function environment<N extends EnvironmentName>(...names: N[]): Pick<Environment, N> {
  return parseEnvironment(process.env, ...names);
}

/** As {@link environment}, of the given variables; without names, all of them are required. */
export function parseEnvironment<N extends EnvironmentName = EnvironmentName>(
  source: Record<string, string | undefined>,
  ...names: N[]
): Pick<Environment, N> {
  const wanted: readonly EnvironmentName[] = names.length > 0 ? names : environmentNames;
  const parsed: Partial<Record<EnvironmentName, unknown>> = {};
  const problems: string[] = [];

  for (const name of wanted) {
    const result = variables[name].safeParse(source[name]);
    if (result.success) parsed[name] = result.data;
    else
      problems.push(
        `${name}: expected ${describe(result.error)}, found ${source[name] ?? 'nothing'}`,
      );
  }

  if (problems.length > 0) {
    throw new GantryError(
      'internal',
      `The environment is not as the stack sets it: ${problems.join('; ')}`,
    );
  }

  return parsed as Pick<Environment, N>;
}

function describe(error: z.ZodError): string {
  return error.issues[0]?.code === 'invalid_format' ? 'a URL' : 'a value';
}
