import type { Outputs } from '../infra/outputs.ts';
import { createAccount, mintAdminToken } from '../shared/actions/accounts/index.ts';
import type { Services } from '../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../shared/actions/context/index.ts';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { queueNames, queueOutput, queueVariable } from '../shared/contract/queues.ts';

/** The variables that a function of the stack gets, from the outputs of the deployment. */
export function environmentOf(outputs: Outputs): Record<string, string> {
  return {
    DEPLOYMENT_NAME: outputs.DeploymentName,
    TABLE_NAME: outputs.TableName,
    BUCKET_NAME: outputs.BucketName,
    ...Object.fromEntries(
      queueNames.map((name) => [queueVariable(name), outputs[queueOutput(name)]]),
    ),
    STATE_MACHINE_ARN: outputs.StateMachineArn,
    EVENT_BUS_NAME: outputs.EventBusName,
    LINK_KEY_ID: outputs.LinkKeyId,
    PUBLIC_URL: outputs.PublicUrl,
  };
}

/**
 * Gantry's services with the deployer's own credentials, which this process has in its environment.
 */
export function deployerServices(outputs: Outputs): Services {
  Object.assign(process.env, environmentOf(outputs));
  return servicesFromEnvironment();
}

/**
 * Creates an admin token of an account, and the account if it does not exist. The token is created
 * on the deployer's machine. Only its SHA-256 leaves the machine, and only the terminal shows the
 * token.
 */
export async function adminToken(services: Services, account: string): Promise<string> {
  try {
    const made = await createAccount(services, { slug: account, name: account, platform: true });
    if (made.account.state === 'active') return made.token;
  } catch (error) {
    if (isGantryError(error, 'already_exists'))
      return await mintAdminToken(services, account, 'minted by the deployer');
    throw error;
  }

  throw new GantryError(
    'account_creating',
    `account "${account}" could not be made yet, and Gantry tries again: run the same command in some minutes`,
  );
}
