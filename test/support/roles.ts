import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { GetRoleCommand, IAMClient, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { listFunctionResources } from '../../scripts/stack-resources.ts';
import type { StageName } from '../../shared/contract/stages.ts';

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

/**
 * The functions' roles as they are deployed, for tests that act as a function whose code an
 * attacker has.
 */
export interface Roles {
  credentials: Record<StageName, Credentials>;
  /** Only Lambda may assume the roles again. */
  restore: () => Promise<void>;
}

/**
 * Lets the account's root assume the role of each function, as its administrator could, and does
 * so.
 */
export async function assumeRoles(stackName: string): Promise<Roles> {
  const iam = new IAMClient({});
  const names = await listFunctionResources(new CloudFormationClient({}), stackName, 'Role');
  const before = new Map<string, string>();
  const credentials = {} as Record<StageName, Credentials>;

  for (const [name, RoleName] of Object.entries(names) as [StageName, string][]) {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const [, , , , account] = Role?.Arn?.split(':') ?? [];

    before.set(RoleName, decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''));
    const Principal = { AWS: `arn:aws:iam::${account}:root` };
    const Statement = [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });

    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
    credentials[name] = await assume(Role?.Arn ?? '', name);
  }

  const restore = async () => {
    for (const [RoleName, PolicyDocument] of before) {
      await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
    }
  };

  return { credentials, restore };
}

async function assume(RoleArn: string, RoleSessionName: string): Promise<Credentials> {
  const { Credentials: given } = await new STSClient({}).send(
    new AssumeRoleCommand({ RoleArn, RoleSessionName }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = given ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}
