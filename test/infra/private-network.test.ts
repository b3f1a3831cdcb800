import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { synthesize } from '../../scripts/synthesize.ts';

type Synthesized = ReturnType<typeof synthesize>;

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

const subnets = ['subnet-0123456789abcdef0', 'subnet-01234567'];
const group = 'sg-0123456789abcdef0';
const named = synthesize({ subnetIds: subnets.join(', '), securityGroupIds: group });
const reading = ['ingest', 'poll', 'reverify', 'trust', 'verify'];

/** The stages whose functions are in a VPC, with its configuration. */
function placed({ resources }: Synthesized): [string, unknown][] {
  return resources('AWS::Lambda::Function')
    .flatMap(([id, { Properties }]): [string, unknown][] =>
      Properties.VpcConfig === undefined
        ? []
        : [[id.replace(/Function.*/, ''), Properties.VpcConfig]],
    )
    .toSorted();
}

/** The statements about EC2, by stage. */
function statements({ resources }: Synthesized): [string, Statement][] {
  return resources('AWS::IAM::Policy').flatMap(([id, { Properties }]) => {
    const { Statement } = Properties.PolicyDocument as { Statement: Statement[] };
    return Statement.filter(({ Action }) => JSON.stringify(Action).includes('"ec2:')).map(
      (statement): [string, Statement] => [id.replace(/Role.*/, ''), statement],
    );
  });
}

describe('a deployment that names subnets and security groups', () => {
  test('runs the functions there that read from registries and from the mirror, and no other', () => {
    const config = { SubnetIds: subnets, SecurityGroupIds: [group] };
    expect(placed(named)).toEqual(reading.map((stage) => [stage, config]));
  });

  test('lets their roles make network interfaces in these subnets and groups alone', () => {
    const found = statements(named).filter(([, { Effect }]) => Effect === 'Allow');
    expect([...new Set(found.map(([stage]) => stage))].sort()).toEqual(reading);

    const ofPoll = found.filter(([stage]) => stage === 'poll').map(([, statement]) => statement);
    const ends = ofPoll
      .filter(({ Action }) => Action === 'ec2:CreateNetworkInterface')
      .flatMap(({ Resource }) => Resource as unknown[])
      .map((arn) => /:([a-z-]+\/[^"]+)"/.exec(JSON.stringify(arn))?.[1]);
    expect(ends).toEqual([
      'network-interface/*',
      ...subnets.map((id) => `subnet/${id}`),
      `security-group/${group}`,
    ]);

    const everywhere = ofPoll.filter(({ Resource }) => Resource === '*');
    expect(everywhere.map(({ Action }) => Action)).toEqual([
      ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
    ]);
  });

  test('denies these actions to the code of the functions', () => {
    const denied = statements(named).filter(([, { Effect }]) => Effect === 'Deny');
    expect(denied.map(([stage]) => stage).sort()).toEqual(reading);

    for (const [, statement] of denied) {
      expect(statement).toMatchObject({
        Resource: '*',
        Condition: { Null: { 'lambda:SourceFunctionArn': 'false' } },
      });
      expect([...statement.Action].sort()).toEqual([
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ]);
    }
  });

  test('has no finding of cdk-nag without a reason', () => {
    const { violations } = new AwsSolutionsChecks(named.app).validateScope(named.stack);
    expect(violations).toEqual([]);
  });
});

test('a deployment that names none has no VPC and no rights to one', () => {
  const plain = synthesize();
  expect(placed(plain)).toEqual([]);
  expect(statements(plain)).toEqual([]);
});
