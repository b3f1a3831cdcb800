import { parseArgs } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { GetAccountCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { parseSettings, settingNames } from '../infra/settings.ts';
import { GantryError } from '../shared/base/error.ts';
import { isSlug } from '../shared/base/slug.ts';
import { adminToken, deployerServices } from './admin-token.ts';
import { deploy } from './deployment.ts';
import { fail } from './fail.ts';

const usage = `Usage: npm run deploy -- --sender-address gantry@example.com [options]

  --sender-address ADDRESS    From address of approval mail (required)
  --environment-name NAME     tells deployments in one AWS account apart (main)
  --public-url URL            where people reach the API, if it is neither its own address nor --domain-name
  --domain-name HOST          a host name of yours, with --certificate-arn of its certificate in ACM
  --certificate-arn ARN
  --oidc-issuer URL           reserved for sign-in with OIDC, which Gantry does not offer yet
  --allowed-private-hosts L   comma list of names, addresses and networks of hosts that may be fetched from although private
  --registry-budgets L        comma list of host=requestsPerSecond:concurrency, where the defaults do not fit
  --account-share-percent N   part of each stage's concurrent work that one account may take (75; 100 for no bound)
  --trust-root-mirror URL     TUF repository, or mirror, of Sigstore's public-good trust root; none keeps the shipped copy
  --ecr-repositories L        comma list of ARNs of ECR repositories that may be read (all of this account and region)
  --subnet-ids L              comma list of subnets of one VPC for the functions that read from registries, where those are private
  --security-group-ids L      comma list of security groups of these functions, with --subnet-ids
  --alarm-address ADDRESS     gets a mail when an alarm fires
  --admin-token ACCOUNT       make this account, if it is new, and show an admin token of it once

AWS credentials and region are those of the environment, as for the AWS CLI.`;

function flagOf(setting: string): string {
  return setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function readArguments(): { settings: Record<string, string>; account: string | undefined } {
  const offered = settingNames.filter((name) => name !== 'synthesizer');
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean' },
      'admin-token': { type: 'string' },
      ...Object.fromEntries(offered.map((name) => [flagOf(name), { type: 'string' as const }])),
    },
  });

  const given: Record<string, string | boolean | undefined> = values;
  if (given.help === true || given['sender-address'] === undefined) {
    process.stdout.write(`${usage}\n`);
    process.exit(given.help === true ? 0 : 2);
  }

  const account = values['admin-token'];
  if (account !== undefined && !isSlug(account)) {
    throw new GantryError(
      'usage',
      `--admin-token: expected an account such as "acme", found "${account}"`,
    );
  }

  const settings: Record<string, string> = {};
  for (const name of offered) {
    const value = given[flagOf(name)];
    if (typeof value === 'string') settings[name] = value;
  }

  parseSettings(settings, (setting) => `--${flagOf(setting)}`);
  return { settings, account };
}

async function main(): Promise<void> {
  const { settings, account } = readArguments();
  const say = (line: string) => process.stdout.write(`${line}\n`);

  const outputs = await deploy({
    settings,
    environment: process.env,
    client: new CloudFormationClient({}),
    assemblyDirectory: 'cdk.out',
    onLine: say,
    progress: say,
  });

  say(`Gantry is at ${outputs.PublicUrl}`);
  const { ProductionAccessEnabled: production } = await new SESv2Client({}).send(
    new GetAccountCommand({}),
  );

  if (production !== true) {
    say(
      'SES is still in its sandbox here and sends mail only to verified addresses. Ask AWS for production access.',
    );
  }

  say(
    `Gantry can send mail once someone follows the link that SES mailed to ${settings.senderAddress}.`,
  );
  if (account !== undefined) {
    say(
      `Admin token of ${account}, shown this once: ${await adminToken(deployerServices(outputs), account)}`,
    );
  }
}

main().catch(fail);
