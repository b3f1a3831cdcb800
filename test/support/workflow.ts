import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { parse } from 'yaml';
import { z } from 'zod';
import { translate } from './guide.ts';

const run = promisify(execFile);

const envSchema = z.record(z.string(), z.string()).default({});
const stepSchema = z.strictObject({
  name: z.string().optional(),
  uses: z.string().optional(),
  with: z.record(z.string(), z.string()).default({}),
  run: z.string().optional(),
  env: envSchema,
});
const jobSchema = z.looseObject({
  if: z.string().default('true'),
  container: z.unknown().optional(),
  env: envSchema,
  steps: z.array(stepSchema),
});
const workflowSchema = z.looseObject({ jobs: z.record(z.string(), jobSchema) });

type Job = z.output<typeof jobSchema>;
type Step = z.output<typeof stepSchema>;

export interface WorkflowRun {
  /** The bare repository that was pushed to. */
  repository: string;
  forge: 'github' | 'gitea';
  /** `refs/heads/main`, `refs/tags/v1.0.0`. */
  ref: string;
  event?: 'push' | 'pull_request';
  /** `acme/web`: the name of the repository at its forge. */
  name: string;
  actor: string;
  secrets: Record<string, string>;
  /** Of every step, as the runner gives it. */
  env: NodeJS.ProcessEnv;
  /** Names of the file → those of the test. */
  replace: Record<string, string>;
  /** A directory of the run's own. */
  directory: string;
}

/**
 * Runs the workflow of a repository as a runner does: its jobs in the order of the file, each step
 * by the shell of its place, with the expressions of the file evaluated.
 * @returns the names of the jobs that ran
 */
export async function runWorkflow(wanted: WorkflowRun): Promise<string[]> {
  const checkout = join(wanted.directory, 'checkout');
  const branch = wanted.ref.replace(/^refs\/(heads|tags)\//, '');
  await run('git', ['clone', '--quiet', '--branch', branch, wanted.repository, checkout]);

  const { stdout } = await run('git', ['rev-parse', 'HEAD'], { cwd: checkout });
  const context = contextOf(wanted, branch, stdout.trim());
  const file = join(checkout, `.${wanted.forge}/workflows/build.yaml`);
  const { jobs } = workflowSchema.parse(parse(readFileSync(file, 'utf8')));
  const ran: string[] = [];

  for (const [name, job] of Object.entries(jobs)) {
    if (evaluate(job.if, context) !== true) continue;
    const workspace = mkdtempSync(join(wanted.directory, `${name}-`));
    for (const step of job.steps)
      await runStep(step, job, { ...wanted, context, checkout, workspace });
    ran.push(name);
  }
  return ran;
}

type Context = Record<string, unknown>;

function contextOf(
  { forge, ref, event = 'push', ...wanted }: WorkflowRun,
  branch: string,
  sha: string,
) {
  const about = {
    ref,
    ref_name: branch,
    sha,
    repository: wanted.name,
    event_name: event,
    actor: wanted.actor,
  };
  const startsWith = (text: string, start: string) => text.startsWith(start);
  return { [forge]: about, secrets: wanted.secrets, startsWith };
}

/** An expression of a workflow. Those that are used here mean the same in JavaScript. */
function evaluate(expression: string, context: Context): unknown {
  return runInNewContext(expression, context);
}

interface Place extends WorkflowRun {
  context: Context;
  checkout: string;
  workspace: string;
}

async function runStep(step: Step, job: Job, place: Place): Promise<void> {
  if (step.uses !== undefined) return useAction(step, place);

  const fill = (text: string) =>
    translate(text, place.replace).replaceAll(/\$\{\{(.*?)\}\}/g, (_, inner: string) =>
      String(evaluate(inner, place.context) ?? ''),
    );
  const env = Object.fromEntries(
    Object.entries({ ...job.env, ...step.env }).map(([name, text]) => [name, fill(text)]),
  );

  // The default shell of a container is sh, that of a runner's own machine is bash.
  const shell = job.container === undefined ? ['bash', '-e', '-o', 'pipefail'] : ['sh', '-e'];
  const [program = '', ...flags] = shell;
  const options = { cwd: place.workspace, env: { ...place.env, CI: 'true', ...env } };
  await run(program, [...flags, '-c', fill(step.run ?? '')], options).catch((error) => {
    const said = `${error.stdout}${error.stderr}`;
    throw new Error(`the step ${step.name ?? step.run} ended with ${error.code}: ${said}`);
  });
}

/** What the actions that a template uses do with files. */
function useAction({ uses = '', with: inputs }: Step, place: Place): void {
  const { name = 'artifact', path = '.' } = inputs;
  const kept = join(place.directory, 'artifacts', name);
  const here = join(place.workspace, path);
  const copy = (from: string, to: string) => cpSync(from, to, { recursive: true });

  switch (uses.replace(/@.*/, '')) {
    case 'actions/checkout':
      copy(place.checkout, place.workspace);
      break;
    case 'actions/download-artifact':
      copy(kept, here);
      break;
    case 'actions/upload-artifact':
      if (!existsSync(here)) throw new Error(`expected ${path} to upload, found nothing`);
      copy(here, kept);
      break;
    default:
      throw new Error(`expected an action that a template uses, found ${uses}`);
  }
}
