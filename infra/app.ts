import {
  App,
  CliCredentialsStackSynthesizer,
  DefaultStackSynthesizer,
  type IStackSynthesizer,
} from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { bundleDirectory, bundleFunctions } from './bundle.ts';
import { parseSettings, settingNames, stackName } from './settings.ts';
import { GantryStack } from './stack.ts';

const app = new App();
const settings = parseSettings(
  Object.fromEntries(settingNames.map((name) => [name, app.node.tryGetContext(name)])),
);
await bundleFunctions();
const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
new GantryStack(app, 'Gantry', {
  settings,
  code: (name) => Code.fromAsset(bundleDirectory(name)),
  stackName: stackName(settings),
  synthesizer: (settings.synthesizer === 'cli'
    ? new CliCredentialsStackSynthesizer()
    : new DefaultStackSynthesizer()) as IStackSynthesizer,
  ...(account && region ? { env: { account, region } } : {}),
});
