import { ArnFormat, Stack } from 'aws-cdk-lib';
import { EmailIdentity, Identity } from 'aws-cdk-lib/aws-ses';
import { Construct } from 'constructs';
import { acknowledgeWildcard, local } from './acknowledge.ts';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';

/** What stages reach beyond the stack: registries with their credentials, and mail. */
export class Outside extends Construct {
  private readonly settings: Settings;
  private readonly sender: EmailIdentity;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.settings = settings;
    this.sender = new EmailIdentity(this, 'Sender', { identity: Identity.email(settings.senderAddress) });
  }

  /** Reading from registries: the credentials an operator stored, this AWS account's ECR, and the allow-listed hosts. */
  allowRegistries(stage: StageFunction): void {
    const stack = Stack.of(this);
    const secrets = stack.formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: 'gantry/registry/*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    stage.allow(['secretsmanager:GetSecretValue'], [secrets]);
    stage.allow(['ecr:GetAuthorizationToken'], ['*']);
    stage.allow(
      ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability', 'ecr:ListImages'],
      [stack.formatArn({ service: 'ecr', resource: 'repository', resourceName: '*' })],
    );
    acknowledgeWildcard(
      stage.role,
      `${local('secretsmanager')}:secret:gantry/registry/*`,
      'Operators store credentials by account and host at run time; the prefix bounds them.',
    );
    acknowledgeWildcard(
      stage.role,
      `${local('ecr')}:repository/*`,
      'Which repositories are read is registered at run time; the actions only read.',
    );
    this.allowHosts(stage);
  }

  /** Tells a function which private hosts an operator allow-listed. */
  allowHosts(stage: StageFunction): void {
    stage.setEnvironment('ALLOWED_PRIVATE_HOSTS', this.settings.allowedPrivateHosts);
  }

  allowMail(stage: StageFunction): void {
    stage.allow(['ses:SendEmail'], [this.sender.emailIdentityArn]);
    stage.setEnvironment('SENDER_ADDRESS', this.settings.senderAddress);
  }
}
