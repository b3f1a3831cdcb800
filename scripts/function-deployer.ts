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
import type { Files } from './bundler.ts';
import { run } from './run.ts';

const recordSchema = z.record(
  z.string(),
  z.object({
    /** The hash of the sources that the function was bundled from. */
    fingerprint: z.string(),
    /** Lambda's hash of the archive that the function runs. */
    code: z.string(),
  }),
);

type DeployedCode = z.infer<typeof recordSchema>;

export interface FunctionDeployerOptions {
  lambda: LambdaClient;
  /**
   * The deployed name of each function. Called before each deployment, since a template may add
   * one.
   */
  listNames: () => Promise<Record<string, string>>;
  /** Bundles the functions that are deployed. */
  bundle: (names: string[]) => Promise<Map<string, Files>>;
  /** Records the last deployment. It outlives this process, as the stack does. */
  recordFile: string;
}

/**
 * Replaces the code of those deployed functions whose sources changed. The stack's template stays
 * as it is.
 */
export class FunctionDeployer {
  readonly #options: FunctionDeployerOptions;

  constructor(options: FunctionDeployerOptions) {
    this.#options = options;
  }

  /**
   * A function without a record is assumed to run these sources, because the template was deployed
   * from them. A function whose code differs from its record is deployed again, because a template
   * or a killed cloud restored older code.
   *
   * @param fingerprints of the sources of each function
   * @returns the names of the functions that were deployed
   */
  async deployChanged(fingerprints: ReadonlyMap<string, string>): Promise<string[]> {
    const functionNames = await this.#options.listNames();
    const nameOf = (name: string) => functionNames[name] ?? raiseMissing(name);
    const record = this.#readRecord();

    const changed: string[] = [];
    for (const [name, fingerprint] of fingerprints) {
      const code = await this.#readCode(nameOf(name));
      record[name] ??= { fingerprint, code };
      const last = record[name];
      if (last.fingerprint !== fingerprint || last.code !== code) changed.push(name);
    }

    if (changed.length > 0) {
      for (const [name, files] of await this.#options.bundle(changed)) {
        const code = await this.#updateCode(nameOf(name), files);
        record[name] = { fingerprint: fingerprints.get(name) ?? '', code };
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

  /** The local cloud sends the next call to the new code. */
  async #updateCode(FunctionName: string, files: Files): Promise<string> {
    const ZipFile = await zip(files);
    const command = new UpdateFunctionCodeCommand({ FunctionName, ZipFile });
    return (await this.#options.lambda.send(command)).CodeSha256 ?? '';
  }
}

function raiseMissing(name: string): never {
  throw new Error(`expected a deployed function ${name}`);
}

/** Use Python, which the local cloud needs anyway, because Node has no zip of its own. */
export async function zip(files: Files): Promise<Uint8Array> {
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
