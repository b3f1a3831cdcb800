import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { parseSettings } from '../infra/settings.ts';
import { GantryStack } from '../infra/stack.ts';

export interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
}

/** Synthesizes the stack for AWS with these settings, without the code of the functions. */
export function synthesize(settings: Record<string, string> = {}): {
  app: App;
  stack: Stack;
  template: Template;
  resources: (type: string) => [id: string, resource: Resource][];
} {
  const app = new App();
  const stack = new GantryStack(app, 'Gantry', {
    settings: parseSettings({ senderAddress: 'gantry@example.com', ...settings }),
    code: () => Code.fromInline('exports.handler = async () => {};'),
  });
  const template = Template.fromStack(stack);

  return {
    app,
    stack,
    template,
    resources: (type) => Object.entries(template.findResources(type) as Record<string, Resource>),
  };
}
