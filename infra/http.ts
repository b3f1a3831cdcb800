import { RemovalPolicy } from 'aws-cdk-lib';
import {
  ApiMapping,
  DomainName,
  HttpApi,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';

/** The HTTP API: one function serves everything, pages and MCP included. */
export class Http extends Construct {
  readonly api: HttpApi;
  /** Without a trailing slash. */
  readonly publicUrl: string;
  private readonly settings: Settings;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.settings = settings;
    this.api = new HttpApi(this, 'Api', {
      apiName: `gantry-${settings.environmentName}`,
      createDefaultStage: false,
    });

    const ofDomain =
      settings.domainName === undefined ? undefined : `https://${settings.domainName}`;
    this.publicUrl = settings.publicUrl ?? ofDomain ?? this.api.apiEndpoint;

    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: {
        destination: new LogGroupLogDestination(
          new LogGroup(this, 'AccessLogs', {
            retention: RetentionDays.THREE_MONTHS,
            removalPolicy: RemovalPolicy.DESTROY,
          }),
        ),
      },
      throttle: { rateLimit: 500, burstLimit: 1000 },
    });

    this.serveAt(settings, stage);
  }

  /** Names the address at which people reach the API. Links and DPoP proofs use it. */
  namePublicUrl(stage: StageFunction): void {
    stage.setEnvironment('PUBLIC_URL', this.publicUrl);
    if (this.settings.oidcIssuer !== undefined)
      stage.setEnvironment('OIDC_ISSUER', this.settings.oidcIssuer);
  }

  /** Routes every request to one function. */
  serveBy(stage: StageFunction): void {
    const route = new HttpRoute(this, 'Everything', {
      httpApi: this.api,
      routeKey: HttpRouteKey.DEFAULT,
      integration: new HttpLambdaIntegration('Integration', stage.lambda, {
        scopePermissionToRoute: false,
      }),
    });
    acknowledge(
      route,
      'APIG4',
      'The function authenticates: API tokens, DPoP proofs and approval links are not JWTs of one issuer.',
    );
  }

  private serveAt(settings: Settings, stage: HttpStage): void {
    const { domainName, certificateArn } = settings;
    if (domainName === undefined || certificateArn === undefined) return;

    const domain = new DomainName(this, 'Domain', {
      domainName,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
    });
    new ApiMapping(this, 'Mapping', { api: this.api, domainName: domain, stage });
  }
}
