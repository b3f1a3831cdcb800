import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from '../../cli/build/packages/run-tool.ts';

const folder = join(import.meta.dirname, 'in-root');

/** When the shell that `unshare` starts is gone, so are its processes, mounts and network. */
const namespaces = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--uts', '--ipc', '--net'];

/** Runs commands in a root, without the network of this machine. */
export class RootShell {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Runs a file of `in-root/`. @returns its standard output */
  async runFile(name: string, ...args: string[]): Promise<string> {
    return this.run(await readFile(join(folder, `${name}.sh`), 'utf8'), ...args);
  }

  /**
   * Runs a script of bash. Nothing that it starts or mounts outlives it, also when this process is
   * killed.
   *
   * @returns its standard output
   * @throws Error with the last lines of its output if it fails
   */
  async run(script: string, ...given: string[]): Promise<string> {
    const args = [...namespaces, 'sh', join(folder, 'enter.sh'), this.#root, script, ...given];
    const { code, output, lines } = await runTool({ program: 'unshare', args });
    if (code === 0) return output;

    const said = [...output.split('\n'), ...lines].filter((line) => line !== '');
    throw new Error(said.slice(-20).join('\n') || `the script ended with ${code}`);
  }
}
