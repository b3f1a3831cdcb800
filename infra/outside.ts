import { ArnFormat, Stack } from 'aws-cdk-lib';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import { Construct } from 'constructs';
import { acknowledgeWildcard, local } from './acknowledge.ts';
import { joinPrivateNetwork } from './private-network.ts';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';

/** The grants of stages beyond the stack: registries with their credentials, and mail. */
export class Outside extends Construct {
  private readonly settings: Settings;
  private readonly sender: EmailIdentity;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.settings = settings;
    this.sender = new EmailIdentity(this, 'Sender', {
      identity: Identity.email(settings.senderAddress),
    });
  }

  allow(what: 'registries' | 'mirror' | 'hosts' | 'mail', stage: StageFunction): void {
    if (what === 'registries') this.allowRegistries(stage);
    if (what === 'mirror') this.allowTrustRootMirror(stage);
    if (what === 'hosts') this.nameAllowedHosts(stage);
    if (what === 'mail') this.allowMail(stage);
    if (what === 'registries' || what === 'mirror') joinPrivateNetwork(stage, this.settings);
  }

  /** Reading from registries: stored credentials, ECR, and the hosts on the allow-list. */
  private allowRegistries(stage: StageFunction): void {
    stage.allow(['secretsmanager:GetSecretValue'], [this.secrets(stage, 'registry')]);
    stage.allow(['ecr:GetAuthorizationToken'], ['*']);

    const { accountSharePercent, ecrRepositories, registryBudgets } = this.settings;
    const everything = Stack.of(this).formatArn({
      service: 'ecr',
      resource: 'repository',
      resourceName: '*',
    });

    stage.allow(
      [
        'ecr:BatchGetImage',
        'ecr:GetDownloadUrlForLayer',
        'ecr:BatchCheckLayerAvailability',
        'ecr:ListImages',
      ],
      ecrRepositories.length > 0 ? ecrRepositories : [everything],
    );

    for (const resource of [
      `${local('ecr')}:repository/*`,
      ...ecrRepositories.filter((arn) => arn.includes('*')),
    ]) {
      acknowledgeWildcard(
        stage.role,
        resource,
        'Which repositories are read is registered at run time; the actions only read, and a setting narrows them.',
      );
    }

    stage.setEnvironment('REGISTRY_BUDGETS', registryBudgets);
    stage.setEnvironment('ACCOUNT_SHARE_PERCENT', String(accountSharePercent));
    this.nameAllowedHosts(stage);
  }

  /** Fetching the public-good trust root. */
  private allowTrustRootMirror(stage: StageFunction): void {
    stage.setEnvironment('TRUST_ROOT_MIRROR', this.settings.trustRootMirror);
    this.nameAllowedHosts(stage);
  }

  /**
   * Storing the secrets of webhooks, and the credentials of registries, which it cannot read back.
   */
  allowSecrets(stage: StageFunction): void {
    const write = [
      'secretsmanager:CreateSecret',
      'secretsmanager:PutSecretValue',
      'secretsmanager:DeleteSecret',
    ];

    stage.allow(write, [this.secrets(stage, 'registry')]);
    stage.allow([...write, 'secretsmanager:GetSecretValue'], [this.secrets(stage, 'hook')]);
  }

  private secrets(stage: StageFunction, kind: 'registry' | 'hook'): string {
    const resourceName = `gantry/${this.settings.environmentName}/${kind}/*`;
    acknowledgeWildcard(
      stage.role,
      `${local('secretsmanager')}:secret:${resourceName}`,
      'Secrets are named by account at run time; the prefix bounds them.',
    );

    const arnFormat = ArnFormat.COLON_RESOURCE_NAME;
    return Stack.of(this).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName,
      arnFormat,
    });
  }

  /** Names the private hosts that the operator allowed. */
  private nameAllowedHosts(stage: StageFunction): void {
    stage.setEnvironment('ALLOWED_PRIVATE_HOSTS', this.settings.allowedPrivateHosts);
  }

  private allowMail(stage: StageFunction): void {
    stage.allow(['ses:SendEmail'], [this.sender.emailIdentityArn]);
    stage.setEnvironment('SENDER_ADDRESS', this.settings.senderAddress);
  }
}
