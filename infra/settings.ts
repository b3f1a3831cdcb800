import { z } from 'zod';
import { GantryError } from '../shared/base/error.ts';
import { useIssueSentences } from '../shared/base/issue-sentences.ts';
import {
  accountSharePercent,
  allowedPrivateHosts,
  registryBudgets,
} from '../shared/contract/environment.ts';

useIssueSentences();

const optional = z
  .string()
  .trim()
  .transform((value) => (value === '' ? undefined : value))
  .optional();

/** A comma list whose entries have one form. */
function listOf(entry: RegExp, expectation: string) {
  return z
    .string()
    .default('')
    .transform((text) =>
      text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()])),
    )
    .refine((entries) => entries.every((each) => entry.test(each)), `expected ${expectation}, …`);
}

/**
 * The settings of a deployment, given as CDK context (`-c name=value`). Everything else is the same
 * everywhere, also in the local cloud.
 */
const settingsSchema = z
  .object({
    /** Tells deployments in one AWS account apart; part of the stack's name. */
    environmentName: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,30}$/, 'expected lower-case letters, digits and dashes')
      .default('main'),
    /** The From address of approval mail; SES must be allowed to send from it. */
    senderAddress: z.email(),
    /**
     * The URL at which people reach the API. The default is the API's own address or the domain
     * below.
     */
    publicUrl: optional,
    /** A host name of yours, with the ARN of its certificate in ACM. */
    domainName: optional,
    certificateArn: optional,
    /** Issuer of the JWTs that sign people in. */
    oidcIssuer: optional,
    /**
     * Comma list of private host names, addresses and networks (CIDR) that outgoing requests may
     * reach.
     */
    allowedPrivateHosts: allowedPrivateHosts.transform((entries) => entries.join(',')),
    /**
     * Comma list of `host=requestsPerSecond:concurrency`: budgets of registries that replace the
     * defaults.
     */
    registryBudgets: z
      .string()
      .default('')
      .refine(
        (text) => registryBudgets.safeParse(text).success,
        'expected host=requestsPerSecond:concurrency,…',
      ),
    /** Percent of a stage's concurrency that one account may take; 100 sets no bound. */
    accountSharePercent,
    /**
     * The TUF repository of the public-good trust root, or a mirror of it. `none` keeps the shipped
     * copy.
     */
    trustRootMirror: z
      .union(
        [z.literal('none'), z.url({ protocol: /^https$/ })],
        'expected the https URL of a TUF repository, or none',
      )
      .default('https://tuf-repo-cdn.sigstore.dev'),
    /**
     * Comma list of ARNs of the ECR repositories that may be read. The default is all of this
     * account and region.
     */
    ecrRepositories: listOf(
      /^arn:[a-z-]+:ecr:[a-z0-9*-]+:[0-9]{12}:repository\/.+$/,
      'arn:aws:ecr:<region>:<account>:repository/<name>',
    ),
    /**
     * Comma list of subnets of one VPC, in which the functions run that fetch from registries and
     * from the mirror of the trust root. The default is no VPC.
     */
    subnetIds: listOf(/^subnet-[0-9a-f]{8,17}$/, 'subnet-0123456789abcdef0'),
    /** Comma list of the security groups of these functions. */
    securityGroupIds: listOf(/^sg-[0-9a-f]{8,17}$/, 'sg-0123456789abcdef0'),
    /** The address that gets a mail when an alarm fires. */
    alarmAddress: optional,
    /**
     * `bootstrap` publishes with the roles that `cdk bootstrap` made. `cli` publishes with the
     * caller's own credentials, for clouds that do not let those roles publish.
     */
    synthesizer: z.enum(['bootstrap', 'cli']).default('bootstrap'),
  })
  .refine(
    (settings) => (settings.domainName === undefined) === (settings.certificateArn === undefined),
    {
      error: 'expected both domainName and certificateArn, or neither',
    },
  )
  .refine(
    ({ subnetIds, securityGroupIds }) =>
      (subnetIds.length === 0) === (securityGroupIds.length === 0),
    { error: 'expected both subnetIds and securityGroupIds, or neither' },
  );

export type Settings = z.infer<typeof settingsSchema>;

export const settingNames = Object.keys(settingsSchema.shape) as (keyof Settings)[];

export function stackName(settings: Pick<Settings, 'environmentName'>): string {
  return `gantry-${settings.environmentName}`;
}

/**
 * @param written how the user writes the name of a setting
 * @throws GantryError `usage` naming each setting that is missing or malformed
 */
export function parseSettings(
  context: Record<string, unknown>,
  written = (setting: string) => `cdk -c ${setting}`,
): Settings {
  const result = settingsSchema.safeParse(context);
  if (result.success) return result.data;

  const problems = result.error.issues.map(({ path, message }) =>
    path.length === 0
      ? message.replace(/\b[a-z]+[A-Z]\w+/g, written)
      : `${written(String(path[0]))}: ${message}`,
  );
  throw new GantryError('usage', problems.join('\n'));
}
