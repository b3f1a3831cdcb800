import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { bundleOptions } from '../infra/bundle.ts';
import { stackName } from '../infra/settings.ts';
import { bundle, type Fingerprints, openFingerprints } from './bundler.ts';
import { FunctionDeployer } from './function-deployer.ts';
import { projectRoot } from './local-cloud.ts';
import type { LocalStack } from './local-stack.ts';
import { run } from './run.ts';
import { devDirectory, writeRunningStack } from './running-stack.ts';
import { listFunctionResources } from './stack-resources.ts';

const functionOptions = { ...bundleOptions, outdir: join(devDirectory, 'functions') };

/** The template follows from this code alone, in whatever folder it lies. */
const templateOptions = {
  ...functionOptions,
  entryPoints: [{ in: 'infra/app.ts', out: 'template/index' }],
};

/** Deploys changes of the sources to a local stack that is running. */
export class Development {
  readonly #stack: LocalStack;
  readonly #say: (sentence: string) => void;
  readonly #deployer: FunctionDeployer;
  readonly #functions: Fingerprints;
  readonly #template: Fingerprints;
  /** The hash of the code that the template was last made from. */
  #templateFingerprint: string | undefined;
  /** The template that is deployed. */
  #deployedTemplate: Promise<string>;

  private constructor(
    stack: LocalStack,
    say: (sentence: string) => void,
    sources: { functions: Fingerprints; template: Fingerprints },
  ) {
    const name = stackName({ environmentName: stack.outputs.DeploymentName });
    this.#stack = stack;
    this.#say = say;
    this.#functions = sources.functions;
    this.#template = sources.template;
    this.#deployedTemplate = printTemplate().catch(() => '');

    this.#deployer = new FunctionDeployer({
      lambda: new LambdaClient({}),
      listNames: () => listFunctionResources(new CloudFormationClient({}), name, 'Function'),
      bundle: (names) => bundle(functionOptions, names),
      recordFile: join(devDirectory, 'functions.json'),
    });
  }

  /** Starts with a stack whose template was just deployed. */
  static async begin(stack: LocalStack, say: (sentence: string) => void): Promise<Development> {
    const development = new Development(stack, say, {
      functions: await openFingerprints(functionOptions),
      template: await openFingerprints(templateOptions),
    });
    development.#templateFingerprint = await development.#readTemplate();
    await development.#deployFunctions();

    return development;
  }

  async dispose(): Promise<void> {
    await this.#functions.dispose();
    await this.#template.dispose();
  }

  /**
   * Deploys the functions or the template that the changed files affect, and prints it. After an
   * error the stack is unchanged.
   */
  async follow(files: readonly string[]): Promise<void> {
    const startedAt = performance.now();
    const cause = files.length > 2 ? `${files.length} files` : files.join(', ');

    try {
      const deployed = [
        ...((await this.#deployTemplate(cause)) ? ['the template'] : []),
        ...(await this.#deployFunctions()),
      ];
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const what = deployed.length > 0 ? `deployed ${deployed.join(', ')}` : 'nothing to deploy';

      this.#say(`${cause}: ${what} (${seconds} s)`);
    } catch (error) {
      this.#say(`${cause}: not deployed. ${error instanceof Error ? error.message : error}`);
    }
  }

  /**
   * Most of the code that the template is made from is shared with the functions, so a change of
   * that code may not change the template.
   *
   * @returns whether the template was deployed
   */
  async #deployTemplate(cause: string): Promise<boolean> {
    const fingerprint = await this.#readTemplate();
    if (fingerprint === this.#templateFingerprint) return false;

    const template = await printTemplate();
    const changed = template !== (await this.#deployedTemplate);

    if (changed) {
      this.#say(`${cause}: the template changed`);
      const outputs = await this.#stack.deploy();
      writeRunningStack(devDirectory, { ...this.#stack, outputs });
      this.#deployedTemplate = Promise.resolve(template);
    }

    this.#templateFingerprint = fingerprint;
    return changed;
  }

  async #readTemplate(): Promise<string | undefined> {
    return (await this.#template.read()).get('template');
  }

  async #deployFunctions(): Promise<string[]> {
    return this.#deployer.deployChanged(await this.#functions.read());
  }
}

/** Runs in a new process, which loads the present sources. */
function printTemplate(): Promise<string> {
  return run(process.execPath, [join(projectRoot, 'scripts', 'print-template.ts')]);
}
