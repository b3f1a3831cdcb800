import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { inject } from 'vitest';
import { stackName } from '../../infra/settings.ts';
import { listFunctionResources } from '../../scripts/stack-resources.ts';
import type { StageName } from '../../shared/contract/stages.ts';

/**
 * Runs a deployed function as its schedule does, without waiting for it. That schedules start
 * functions is shown once, in functions.test.ts.
 */
export async function runScheduled(stage: StageName): Promise<void> {
  const stack = stackName({ environmentName: inject('stack').outputs.DeploymentName });
  const functions = await listFunctionResources(new CloudFormationClient({}), stack, 'Function');
  const { FunctionError, Payload } = await new LambdaClient({}).send(
    new InvokeCommand({ FunctionName: functions[stage] }),
  );

  if (FunctionError !== undefined)
    throw new Error(`${stage}: ${Buffer.from(Payload ?? []).toString()}`);
}
