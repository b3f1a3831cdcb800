import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledgeWildcard, local } from './acknowledge.ts';
import type { StageFunction } from './stage-function.ts';

const purposeTag = 'gantry:purpose';
const directorPurpose = 'director';

/** The key of link MACs, and leave to make and use the accounts' director keys, which come and go at run time. */
export class Keys extends Construct {
  readonly linkKey: Key;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.linkKey = new Key(this, 'LinkKey', {
      description: 'MACs of approval links',
      keySpec: KeySpec.HMAC_256,
      keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  allowMakeLinks(stage: StageFunction): void {
    stage.allow(['kms:GenerateMac'], [this.linkKey.keyArn]);
    stage.setEnvironment('LINK_KEY_ID', this.linkKey.keyId);
  }

  allowCheckLinks(stage: StageFunction): void {
    stage.allow(['kms:VerifyMac'], [this.linkKey.keyArn]);
    stage.setEnvironment('LINK_KEY_ID', this.linkKey.keyId);
  }

  /** A key can only be made with the tag that the permission to sign asks for. */
  allowMakeDirectorKeys(stage: StageFunction): void {
    const condition = { StringEquals: { [`aws:RequestTag/${purposeTag}`]: directorPurpose } };
    stage.allow(['kms:CreateKey'], ['*'], condition);
    stage.allow(['kms:TagResource'], [this.everyKey()], condition);
  }

  allowSignAsDirector(stage: StageFunction): void {
    stage.allow(['kms:Sign', 'kms:GetPublicKey'], [this.everyKey()], {
      StringEquals: { [`aws:ResourceTag/${purposeTag}`]: directorPurpose },
    });
    acknowledgeWildcard(
      stage.role,
      `${local('kms')}:key/*`,
      'Director keys are made at run time; the condition on their tag bounds them.',
    );
  }

  private everyKey(): string {
    return Stack.of(this).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
  }
}
