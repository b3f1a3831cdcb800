// What `npm start`, `npm test` and `npm run deploy` run first, on any Node that the machine has and
// before any package is installed. It is therefore plain JavaScript without dependencies. It checks
// the machine, installs the packages, and hands over to the project's own Node 24.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');
const node = join(root, 'node_modules', 'node', 'bin', 'node');
/**
 * The programs of a run share compiled code in this folder, because tests start hundreds of
 * programs.
 */
const compiled = join(root, 'node_modules', '.cache', 'node');

function stop(sentence) {
  process.stderr.write(`gantry: ${sentence}\n`);
  process.exit(2);
}

function checkNode() {
  const [major] = process.versions.node.split('.');
  if (Number(major) < 20) stop(`Expected Node 20 or newer, found ${process.versions.node}.`);
}

/** The local cloud is a Python program. */
function checkPython() {
  const script = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const answer = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  if (answer.error) stop('Expected Python 3.10 or newer (python3 on the PATH), found none.');
  if (answer.status !== 0) {
    stop(
      "Python's venv module is needed and missing; on Debian and Ubuntu: apt-get install python3-venv.",
    );
  }
  const [major, minor] = answer.stdout.trim().split('.').map(Number);
  if (major < 3 || (major === 3 && minor < 10))
    stop(`Expected Python 3.10 or newer, found ${answer.stdout.trim()}.`);
}

function installPackages() {
  const lock = join(root, 'package-lock.json');
  const installed = join(root, 'node_modules', '.package-lock.json');
  const current =
    existsSync(node) &&
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(lock).mtimeMs;
  if (current) return;
  process.stderr.write('Installing npm packages…\n');
  const npm = process.env.npm_execpath;
  const [command, prefix] = npm ? [process.execPath, [npm]] : ['npm', []];
  // Not `npm ci`, which refuses a lock file that lacks optional packages of other platforms. The
  // lock's versions are installed, and neither it nor package.json is written.
  const install = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync(command, [...prefix, ...install], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) stop('npm install failed; its output above says why.');
  if (!existsSync(node)) {
    stop(
      `npm left no ${node}: install scripts of the package "node" must be allowed (package.json, allowScripts).`,
    );
  }
  // npm does not change it if nothing had to change.
  utimesSync(installed, new Date(), new Date());
}

/**
 * Runs the script and ends with its exit code. If this process is ended or orphaned, the script
 * ends too.
 */
function handOver(script, args) {
  const child = spawn(
    node,
    ['--disable-warning=ExperimentalWarning', join(root, script), ...args],
    {
      cwd: root,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: {
        NODE_COMPILE_CACHE: compiled,
        ...process.env,
        PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}`,
      },
    },
  );
  // A terminal sends Ctrl-C to the child as well; a lone signal to this process is passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, 1000).unref();
  child.on('error', (error) => stop(`${node} did not start: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

const [script, ...args] = process.argv.slice(2);
if (!script) stop('usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENTS]');
checkNode();
checkPython();
installPackages();
handOver(script, args);
