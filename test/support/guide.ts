import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../scripts/local-cloud.ts';

/** One fenced block of a page: commands with what they print, or a file to write. */
type Block =
  | { kind: 'commands'; text: string; printed: string[] }
  | { kind: 'file'; path: string; text: string };

export interface GuideOptions {
  /** Where the commands start. */
  directory: string;
  env: NodeJS.ProcessEnv;
  /** Names of the page → those of the test: `ghcr.io` → `127.0.0.1:5000`. */
  replace: Record<string, string>;
}

/**
 * Runs the blocks of a page of docs/guides in one shell, from the first to the last.
 * @returns a text for each thing that does not go as the page says
 */
export async function walkGuide(page: string, options: GuideOptions): Promise<string[]> {
  const { directory, env, replace } = options;
  const text = readFileSync(join(projectRoot, 'docs/guides', page), 'utf8');
  const blocks = readBlocks(translate(text, replace));
  const outputs = join(directory, '.printed');
  const outputOf = (index: number) => join(outputs, String(index));

  const parts = blocks.map((block, index) =>
    block.kind === 'file'
      ? `cat > ${block.path} <<'END OF FILE'\n${block.text}END OF FILE`
      : `exec > ${outputOf(index)} 2>&1\n${checkExits(block.text)}`,
  );
  mkdirSync(outputs);
  writeFileSync(join(outputs, 'walk.sh'), [prelude, ...parts].join('\n'));
  const code = await runShell(join(outputs, 'walk.sh'), { cwd: directory, env });

  const problems = blocks.flatMap((block, index) => {
    if (block.kind === 'file') return [];
    if (!existsSync(outputOf(index))) return [`not reached: ${block.text}`];
    return findMissing(block.printed, readFileSync(outputOf(index), 'utf8').split('\n'));
  });
  if (code === 0) return problems;

  const last = blocks.findLastIndex((_, index) => existsSync(outputOf(index)));
  return [`the shell ended with ${code}: ${readFileSync(outputOf(last), 'utf8')}`, ...problems];
}

const fence = /^```(\S+)(?: (\S+))?\n(.*?)^```$/gms;

/** A block `text` belongs to the commands before it. `yaml <path>` is a file to write. */
function readBlocks(page: string): Block[] {
  const blocks: Block[] = [];
  for (const [, language, path, text = ''] of page.matchAll(fence)) {
    const last = blocks.at(-1);
    if (path !== undefined) blocks.push({ kind: 'file', path, text });
    else if (language === 'sh') blocks.push({ kind: 'commands', text, printed: [] });
    else if (language === 'text' && last?.kind === 'commands')
      last.printed.push(...text.trimEnd().split('\n'));
    else throw new Error(`expected sh, text, or a file's name after the fence, found ${language}`);
  }
  return blocks;
}

/** `command   # exits with 1` must exit so. Every other command must succeed. */
function checkExits(commands: string): string {
  return commands.replaceAll(/^(.*?)\s+# exits with (\d)$/gm, 'exits $2 $1');
}

const prelude = `set -euo pipefail
exits() {
  local expected=$1 found=0; shift
  "$@" || found=$?
  [ "$found" = "$expected" ] || { echo "expected the exit code $expected, found $found"; exit 99; }
}`;

export function translate(text: string, replace: Record<string, string>): string {
  return Object.entries(replace).reduce((all, [from, to]) => all.replaceAll(from, to), text);
}

/** Each line that the page shows must be printed, in the order of the page. */
function findMissing(shown: readonly string[], printed: readonly string[]): string[] {
  let from = 0;
  for (const line of shown) {
    const pattern = patternOf(line);
    const at = printed.findIndex((text, index) => index >= from && pattern.test(text));
    if (at < 0) return [`expected "${line}", found:\n${printed.slice(from).join('\n')}`];
    from = at + 1;
  }
  return [];
}

/** `…` stands for any text. How many blanks stand between two words does not count. */
function patternOf(line: string): RegExp {
  const parts = line
    .trim()
    .split('…')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(/\s+/g, '\\s+'));
  return new RegExp(`^\\s*${parts.join('.*')}\\s*$`);
}

function runShell(script: string, options: { cwd: string; env: NodeJS.ProcessEnv }) {
  return new Promise<number>((resolve) => {
    const child = execFile('bash', [script], options, (error) =>
      resolve(error === null ? 0 : typeof error.code === 'number' ? error.code : -1),
    );
    child.stdin?.end();
  });
}
