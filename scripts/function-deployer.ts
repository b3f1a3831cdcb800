import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetFunctionConfigurationCommand,
  type LambdaClient,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { z } from 'zod';
import type { Bundle } from './bundle-watcher.ts';
import { run } from './run.ts';

const recordSchema = z.record(
  z.string(),
  z.object({
    /** SHA-256 of the bundle. */
    bundle: z.string(),
    /** What Lambda says of the archive that it runs. */
    code: z.string(),
  }),
);

type DeployedCode = z.infer<typeof recordSchema>;

export interface FunctionDeployerOptions {
  lambda: LambdaClient;
  /** The deployed name of each bundle's function. Asked before each deployment: a template may have added one. */
  listNames: () => Promise<Record<string, string>>;
  /** Says what was deployed last. It outlives this process, as the stack does. */
  recordFile: string;
}

/** Replaces the code of those deployed functions whose bundle changed. The stack's template stays as it is. */
export class FunctionDeployer {
  readonly #options: FunctionDeployerOptions;

  constructor(options: FunctionDeployerOptions) {
    this.#options = options;
  }

  /**
   * A function that was never recorded runs its bundle: its template was deployed from the same sources. One that runs
   * other code than was recorded gets its bundle: a template, or a cloud that was killed, brought back older code.
   *
   * @returns the names of the functions that were deployed
   */
  async deployChanged(bundles: ReadonlyMap<string, Bundle>): Promise<string[]> {
    const names = await this.#options.listNames();
    const record = this.#readRecord();
    const changed: string[] = [];

    for (const [name, bundle] of bundles) {
      const functionName = names[name];
      if (functionName === undefined) throw new Error(`expected a deployed function ${name}`);
      const code = await this.#readCode(functionName);
      const last = record[name];
      if (last === undefined) {
        record[name] = { bundle: bundle.sha256, code };
      } else if (last.bundle !== bundle.sha256 || last.code !== code) {
        record[name] = {
          bundle: bundle.sha256,
          code: await this.#updateCode(functionName, bundle),
        };
        changed.push(name);
      }
    }

    writeFileSync(this.#options.recordFile, JSON.stringify(record));
    return changed;
  }

  #readRecord(): DeployedCode {
    const { recordFile } = this.#options;
    if (!existsSync(recordFile)) return {};
    return recordSchema.parse(JSON.parse(readFileSync(recordFile, 'utf8')));
  }

  async #readCode(FunctionName: string): Promise<string> {
    const command = new GetFunctionConfigurationCommand({ FunctionName });
    return (await this.#options.lambda.send(command)).CodeSha256 ?? '';
  }

  async #updateCode(FunctionName: string, bundle: Bundle): Promise<string> {
    const ZipFile = await zip(bundle.files);
    const command = new UpdateFunctionCodeCommand({ FunctionName, ZipFile });
    return (await this.#options.lambda.send(command)).CodeSha256 ?? '';
  }
}

/** Python is there already, for the local cloud; Node has no zip of its own. */
export async function zip(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-code-'));
  try {
    for (const [name, bytes] of files) await writeFile(join(directory, name), bytes);
    const archive = ['-m', 'zipfile', '--create', 'code.zip', ...files.keys()];
    await run('python3', archive, { cwd: directory });
    return await readFile(join(directory, 'code.zip'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
