import { Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { acknowledgeWildcard, local } from './acknowledge.ts';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';

const describeActions = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];
const changeActions = [
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * Runs a stage in the subnets that a deployment names, where private registries are. Does nothing
 * if it names none. Lambda uses the role to make its network interfaces (Lambda guide, "Giving
 * Lambda functions access to resources in an Amazon VPC"). The code of the function may not.
 */
export function joinPrivateNetwork(
  stage: StageFunction,
  { subnetIds, securityGroupIds }: Pick<Settings, 'subnetIds' | 'securityGroupIds'>,
): void {
  if (subnetIds.length === 0) return;
  (stage.lambda.node.defaultChild as CfnFunction).vpcConfig = { subnetIds, securityGroupIds };

  const stack = Stack.of(stage);
  const interfaces = stack.formatArn({
    service: 'ec2',
    resource: 'network-interface',
    resourceName: '*',
  });
  // Other AWS accounts may share their subnets and security groups.
  const parts = [
    ...subnetIds.map((id) => `subnet/${id}`),
    ...securityGroupIds.map((id) => `security-group/${id}`),
  ];
  const named = parts.map((part) => `arn:${stack.partition}:ec2:${stack.region}:*:${part}`);

  stage.allow(['ec2:CreateNetworkInterface'], [interfaces, ...named]);
  stage.allow(changeActions, [interfaces]);
  stage.allow(describeActions, ['*']);
  stage.role.addToPolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      actions: ['ec2:CreateNetworkInterface', ...changeActions, ...describeActions],
      resources: ['*'],
      // Only requests that the code of a function makes have this key.
      conditions: { Null: { 'lambda:SourceFunctionArn': 'false' } },
    }),
  );

  acknowledgeWildcard(
    stage.role,
    `${local('ec2')}:network-interface/*`,
    'Lambda names its network interfaces at run time; the subnets and security groups bound them.',
  );
  for (const part of parts) {
    acknowledgeWildcard(
      stage.role,
      `arn:<AWS::Partition>:ec2:<AWS::Region>:*:${part}`,
      'A subnet or security group of another AWS account has a unique id too.',
    );
  }
}
