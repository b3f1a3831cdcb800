import { type CfnElement, Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** States why a rule of cdk-nag does not apply to a construct. */
export function acknowledge(construct: IConstruct, rule: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: `AwsSolutions-${rule}`, reason });
}

/**
 * States why a grant ends in a wildcard. `resource` is the ARN as cdk-nag writes it, with {@link
 * local} at its start.
 */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  acknowledge(construct, `IAM5[Resource::${resource}]`, reason);
}

/** The start of an ARN of this account and region. */
export function local(service: string): string {
  return `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>`;
}

/** An attribute of a construct's resource, as cdk-nag writes it. */
export function attribute(construct: IConstruct, name: string): string {
  const resource = construct.node.defaultChild as CfnElement;
  return `<${Stack.of(construct).getLogicalId(resource)}.${name}>`;
}
