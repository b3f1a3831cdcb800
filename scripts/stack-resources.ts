import {
  type CloudFormationClient,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import { type StageName, stageNames } from '../shared/contract/stages.ts';

/**
 * The physical name of each function's resource of a kind, as infra/stage-function.ts makes them.
 *
 * @throws Error when the deployed stack lacks one
 */
export async function listFunctionResources(
  client: CloudFormationClient,
  stackName: string,
  kind: 'Role' | 'Function',
): Promise<Record<StageName, string>> {
  const logicalId = new RegExp(`^([a-z]+)${kind}[0-9A-F]{8}$`);
  const found = new Map<string, string>();

  for await (const page of paginateListStackResources({ client }, { StackName: stackName })) {
    for (const resource of page.StackResourceSummaries ?? []) {
      const [, name] = logicalId.exec(resource.LogicalResourceId ?? '') ?? [];
      if (name !== undefined) found.set(name, resource.PhysicalResourceId ?? '');
    }
  }

  const missing = stageNames.filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw new Error(
      `expected a ${kind} of each function in ${stackName}, found none of ${missing}`,
    );
  }

  return Object.fromEntries(found) as Record<StageName, string>;
}
