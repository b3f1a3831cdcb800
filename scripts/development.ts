import { join } from 'node:path';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { bundleOptions } from '../infra/bundle.ts';
import { stackName } from '../infra/settings.ts';
import { type Bundler, createBundler } from './bundle-watcher.ts';
import { FunctionDeployer } from './function-deployer.ts';
import type { LocalStack } from './local-stack.ts';
import { devDirectory, writeRunningStack } from './running-stack.ts';
import { listFunctionResources } from './stack-resources.ts';

/** Brings what changed in the sources to a local stack that is up. */
export class Development {
  readonly #stack: LocalStack;
  readonly #say: (sentence: string) => void;
  readonly #deployer: FunctionDeployer;
  readonly #bundlers: { functions: Bundler; template: Bundler };
  /** Of the code from which the deployed template was made. */
  #templateHash = '';

  private constructor(
    stack: LocalStack,
    say: (sentence: string) => void,
    bundlers: { functions: Bundler; template: Bundler },
  ) {
    const name = stackName({ environmentName: stack.outputs.DeploymentName });
    this.#stack = stack;
    this.#say = say;
    this.#bundlers = bundlers;
    this.#deployer = new FunctionDeployer({
      lambda: new LambdaClient({}),
      listNames: () => listFunctionResources(new CloudFormationClient({}), name, 'Function'),
      recordFile: join(devDirectory, 'functions.json'),
    });
  }

  /** For a stack whose template was deployed just now. */
  static async begin(stack: LocalStack, say: (sentence: string) => void): Promise<Development> {
    const development = new Development(stack, say, {
      functions: await createBundler({
        ...bundleOptions,
        outdir: join(devDirectory, 'functions'),
      }),
      // The template follows from this code alone, whichever folder it lies in.
      template: await createBundler({
        ...bundleOptions,
        entryPoints: [{ in: 'infra/app.ts', out: 'template/index' }],
        outdir: join(devDirectory, 'infra'),
        packages: 'external',
      }),
    });
    development.#templateHash = await development.#hashTemplate();
    await development.#deployFunctions();
    return development;
  }

  async dispose(): Promise<void> {
    await this.#bundlers.functions.dispose();
    await this.#bundlers.template.dispose();
  }

  /** Deploys what follows from the changed files and says so. After an error the stack runs what it ran before. */
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

  /** @returns whether the template changed */
  async #deployTemplate(cause: string): Promise<boolean> {
    const hash = await this.#hashTemplate();
    if (hash === this.#templateHash) return false;

    this.#say(`${cause}: the code of the template changed`);
    const outputs = await this.#stack.deploy();
    writeRunningStack(devDirectory, { ...this.#stack, outputs });
    this.#templateHash = hash;
    return true;
  }

  async #hashTemplate(): Promise<string> {
    const [bundle] = (await this.#bundlers.template.bundle()).values();
    return bundle?.sha256 ?? '';
  }

  async #deployFunctions(): Promise<string[]> {
    return this.#deployer.deployChanged(await this.#bundlers.functions.bundle());
  }
}
