import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { acknowledgeWildcard, local } from './acknowledge.ts';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';

/** The tag on each director key, with the name of its deployment. */
const directorTag = 'gantry:director-of';

/**
 * The key of link MACs, and the permissions for the accounts' director keys, which are made at run
 * time.
 */
export class Keys extends Construct {
  readonly linkKey: Key;
  private readonly deployment: string;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.deployment = settings.environmentName;

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

  /**
   * A key can only be made with the tag that the permission to sign requires. KMS also requires the
   * permission to tag. A key that does not exist yet cannot be named as a resource. Conditions
   * therefore limit the permission to that tag and to keys that sign, and exclude keys of other
   * deployments. Local clouds do not know specification, usage and Regions as conditions, hence
   * IfExists. The first multi-Region key of an AWS account also makes the role with which KMS keeps
   * its replicas the same.
   */
  allowMakeDirectorKeys(stage: StageFunction): void {
    const condition = {
      StringEquals: { [`aws:RequestTag/${directorTag}`]: this.deployment },
      'ForAllValues:StringEquals': { 'aws:TagKeys': [directorTag, 'gantry:account'] },
      StringEqualsIfExists: { 'kms:KeySpec': 'ECC_NIST_P256', 'kms:KeyUsage': 'SIGN_VERIFY' },
    };

    stage.allow(['kms:CreateKey'], ['*'], {
      ...condition,
      BoolIfExists: { 'kms:MultiRegion': 'true' },
    });
    stage.allow(['iam:CreateServiceLinkedRole'], [this.replicatorRole()], {
      StringEquals: { 'iam:AWSServiceName': 'mrk.kms.amazonaws.com' },
    });
    stage.allow(['kms:TagResource'], [this.everyKey()], {
      ...condition,
      StringEqualsIfExists: {
        ...condition.StringEqualsIfExists,
        [`aws:ResourceTag/${directorTag}`]: this.deployment,
      },
    });
  }

  allowSignAsDirector(stage: StageFunction): void {
    stage.allow(['kms:Sign', 'kms:GetPublicKey'], [this.everyKey()], {
      StringEquals: { [`aws:ResourceTag/${directorTag}`]: this.deployment },
    });
    acknowledgeWildcard(
      stage.role,
      `${local('kms')}:key/*`,
      'Director keys are made at run time; the condition on their tag bounds them.',
    );
  }

  private replicatorRole(): string {
    return Stack.of(this).formatArn({
      service: 'iam',
      region: '',
      resource: 'role',
      resourceName:
        'aws-service-role/mrk.kms.amazonaws.com/AWSServiceRoleForKeyManagementServiceMultiRegionKeys',
    });
  }

  private everyKey(): string {
    return Stack.of(this).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
  }
}
