import { synthesize } from './synthesize.ts';

/** A statement of a role's policy, with resources as people write them. */
export interface Grant {
  /** The name of the function, or of the construct that has the role. */
  role: string;
  effect: 'Allow' | 'Deny';
  actions: string[];
  resources: string[];
  /** By operator and key, as IAM has them. */
  conditions: Record<string, Record<string, string | string[]>>;
}

interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: unknown;
  Condition?: Grant['conditions'];
}

/** Every statement that the stack gives to a role. */
export function grants(): Grant[] {
  return synthesize()
    .resources('AWS::IAM::Policy')
    .flatMap(([id, { Properties }]) => {
      const { Statement } = Properties.PolicyDocument as { Statement: Statement[] };
      return Statement.map(({ Effect, Action, Resource, Condition }) => ({
        role: id.replace(/RoleDefaultPolicy[0-9A-F]{8}$/, ''),
        effect: Effect,
        actions: [Action].flat(),
        resources: [Resource].flat().map(readable),
        conditions: Condition ?? {},
      }));
    });
}

/**
 * Formats a reference or a join of CloudFormation as text, with the names of constructs without the
 * CDK's hash.
 */
function readable(value: unknown): string {
  if (typeof value === 'string') return value;

  const {
    Ref,
    'Fn::GetAtt': attribute,
    'Fn::Join': join,
  } = value as {
    Ref?: string;
    'Fn::GetAtt'?: [string, string];
    'Fn::Join'?: [string, unknown[]];
  };

  if (join) return join[1].map(readable).join(join[0]);
  if (attribute)
    return `${nameOf(attribute[0])}${attribute[1] === 'Arn' ? '' : `.${attribute[1]}`}`;

  return pseudo[Ref ?? ''] ?? nameOf(Ref ?? '');
}

const pseudo: Record<string, string> = {
  'AWS::Partition': 'aws',
  'AWS::Region': '<region>',
  'AWS::AccountId': '<account>',
};

function nameOf(logicalId: string): string {
  return logicalId.replace(/[0-9A-F]{8}$/, '');
}
