import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type GantryError, isGantryError } from '../shared/base/error.ts';
import type { AgentReport } from '../shared/contract/machines/index.ts';
import type { VerifiedDesiredState } from '../shared/director/index.ts';
import { moduleLabel } from '../shared/domain/templates/index.ts';
import type { Agent } from './agent.ts';
import { collectGarbage } from './collect.ts';
import {
  type HeldDesiredState,
  isRefusal,
  receiveDesiredState,
  seenBy,
  verifyApplied,
} from './desired.ts';
import { readIfPresent, writeAtomic } from './files.ts';
import {
  adoptState,
  buildGeneration,
  cleanGenerations,
  currentGeneration,
  type Generation,
} from './generation.ts';
import { inspectRoot, type RootProblem } from './inspect.ts';
import type { Finding } from './layer.ts';
import { leftOut } from './materialise.ts';
import { makePlan, type Plan } from './plan.ts';
import { directorOf, forgetEarlierRoots } from './roots.ts';
import { writeJson } from './state.ts';
import { hexOf } from './store.ts';
import { agentVersion } from './version.ts';

export interface TickResult {
  report: AgentReport;
  /** The running generation, 0 before the first. */
  generation: number;
}

/** The root that runs when a tick begins, and what it is to be. */
interface Running extends HeldDesiredState {
  generation: Generation;
}

/**
 * One look: receive the desired state, verify all that it names, apply what changed, check what is laid out, put right what
 * was tampered with, and tell what runs. What does not match is never applied: the old root stays and the report says why.
 * Errors that are no verdict (network, disk) are thrown, after the running root has been looked at.
 */
export async function tick(agent: Agent): Promise<TickResult> {
  const findings: Finding[] = [];
  const running = await runningState(agent, findings);
  rememberSeen(agent, running);
  let refusal: GantryError | undefined;
  let failure: unknown;
  let wanted: HeldDesiredState | undefined;
  try {
    wanted = await receiveDesiredState(agent);
  } catch (error) {
    if (isRefusal(error)) refusal = error;
    else failure = error;
  }
  if (agent.clock.skew !== undefined)
    findings.push({ code: 'clock_skew', message: agent.clock.skew });
  if (wanted !== undefined && !sameContent(wanted.desired, running?.desired)) {
    try {
      const plan = await planFor(agent, wanted.desired, findings);
      return await applied(agent, plan, wanted, running, findings);
    } catch (error) {
      // Content that is not handed out or does not come is told as well: else nobody would learn why nothing happens.
      if (isGantryError(error)) refusal = error;
      else failure = error;
      // Else whoever serves other bytes each time would fill the disk, and a full one could not take what mends it.
      await cleanUp(agent, running, wanted);
    }
  }
  if (running === undefined) {
    if (failure !== undefined) throw failure;
    return nothingRuns(agent, refusal as GantryError, findings);
  }
  const bytes =
    refusal === undefined && failure === undefined
      ? (wanted as HeldDesiredState).bytes
      : running.bytes;
  const result = await lookedAfter(agent, running, bytes, findings, refusal);
  if (wanted !== undefined && refusal === undefined) await forgetUnneeded(agent, wanted);
  if (failure !== undefined) throw failure;
  return result;
}

/** What runs was seen, also where the note of that was lost. */
function rememberSeen(agent: Agent, running: Running | undefined): void {
  const { trusted } = agent.roots;
  if (running?.root !== trusted) return;
  const seen_version = Math.max(seenBy(trusted, agent.state), running.desired.version);
  agent.state = { ...agent.state, seen_version, seen_by: directorOf(trusted) };
}

/** Removes what neither the running desired state nor a wanted one needs. */
async function cleanUp(
  { paths }: Agent,
  running: Running | undefined,
  { desired }: HeldDesiredState,
): Promise<void> {
  await cleanGenerations(paths);
  await collectGarbage(paths, [
    desired.state,
    ...(running === undefined ? [] : [running.desired.state]),
  ]);
}

/** Earlier roots are needed until what is held, and what runs by it, is signed by the trusted one. */
async function forgetUnneeded(agent: Agent, { root }: HeldDesiredState): Promise<void> {
  const { roots, paths } = agent;
  if (roots.earlier.length > 0 && root === roots.trusted)
    agent.roots = await forgetEarlierRoots(roots, paths);
}

/** What runs by `current` and its record, verified again; a root whose record does not verify counts as none. */
async function runningState(agent: Agent, findings: Finding[]): Promise<Running | undefined> {
  const generation = await currentGeneration(agent.paths);
  const { state } = agent;
  // A crash between switching and noting leaves `current` ahead; nothing of the agent's leaves it behind.
  if (state.generation > 0 && (generation === undefined || generation.number < state.generation)) {
    const found = generation === undefined ? 'no generation' : `generation ${generation.number}`;
    findings.push({
      code: 'root_tampered',
      message: `current points to ${found}, expected generation ${state.generation}.`,
    });
    return undefined;
  }
  if (generation === undefined) return undefined;
  const bytes = generation.desiredState;
  try {
    if (bytes !== undefined) return { generation, bytes, ...verifyApplied(bytes, agent) };
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  findings.push({
    code: 'root_tampered',
    message: `generations/${generation.number}.state.json is not the desired state that the generation was made of.`,
  });
  return undefined;
}

/** A desired state that was only signed again asks for no new root. */
function sameContent(a: VerifiedDesiredState, b: VerifiedDesiredState | undefined): boolean {
  return isDeepStrictEqual(a.state, b?.state) && isDeepStrictEqual(a.image, b?.image);
}

async function planFor(
  agent: Agent,
  desired: VerifiedDesiredState,
  findings: Finding[],
): Promise<Plan> {
  return await makePlan(desired, {
    ...agent,
    findings,
    writablePaths: agent.config.writable_paths,
  });
}

async function applied(
  agent: Agent,
  plan: Plan,
  wanted: HeldDesiredState,
  running: Running | undefined,
  findings: Finding[],
): Promise<TickResult> {
  const generation = await layOut(agent, plan, wanted.bytes);
  await cleanUp(agent, running, wanted);
  const finding = findings[0];
  return await told(agent, plan, generation, [], {
    status: 'applied',
    code: finding?.code ?? null,
    message: finding?.message ?? leftOut(plan.tree) ?? null,
  });
}

async function layOut(agent: Agent, plan: Plan, bytes: Buffer): Promise<Generation> {
  const { paths, store, config } = agent;
  await writeImage(agent, plan);
  const generation = await buildGeneration({
    paths,
    store,
    plan,
    desiredState: bytes,
    writablePaths: config.writable_paths,
  });
  await cleanGenerations(paths);
  return generation;
}

/** The image is what a machine with composefs mounts; recomputed here, so it needs no download. */
async function writeImage({ paths }: Agent, { image, desired }: Plan): Promise<void> {
  const path = join(paths.images, `${hexOf(desired.state.composition_digest)}.erofs`);
  if (!(await readIfPresent(path))?.equals(image)) await writeAtomic(path, image);
}

/** The desired state is the running one (or must not be applied): look at the root, and put right what is wrong. */
async function lookedAfter(
  agent: Agent,
  running: Running,
  bytes: Buffer,
  findings: Finding[],
  refusal: GantryError | undefined,
): Promise<TickResult> {
  const { desired } = bytes === running.bytes ? running : verifyApplied(bytes, agent);
  let plan: Plan;
  try {
    plan = await planFor(agent, desired, findings);
  } catch (error) {
    if (!isGantryError(error)) throw error;
    await cleanUp(agent, running, running);
    // A root that may not be applied any more (a tightened policy, say) or cannot be judged now keeps running and is told.
    return unjudged(agent, running, refusal ?? error, findings);
  }
  const problems = await inspectRoot(
    running.generation.root,
    plan.tree,
    agent.config.writable_paths,
    agent.check,
  );
  const verdict = verdictOf(refusal, problems, findings);
  let { generation } = running;
  if (problems.length > 0) generation = await layOut(agent, plan, bytes);
  else if (bytes !== running.bytes) await adoptState(agent.paths, generation.number, bytes);
  return await told(agent, plan, generation, problems, {
    ...verdict,
    message: verdict.message ?? leftOut(plan.tree) ?? null,
  });
}

type Verdict = Pick<AgentReport, 'status' | 'code' | 'message'>;

/** A refusal first: it is what an operator has to act on. What was tampered with is in the sentence either way. */
function verdictOf(
  refusal: GantryError | undefined,
  problems: RootProblem[],
  findings: Finding[],
): Verdict {
  const [problem] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more paths)` : '';
  const all: Finding[] = [...findings];
  if (problem !== undefined) {
    all.push({
      code: 'root_tampered',
      message: `${problem.path} ${problem.what}${more}; the root was laid out again.`,
    });
  }
  const message = [
    ...(refusal === undefined ? [] : [refusal.message]),
    ...all.map((finding) => finding.message),
  ].join(' ');
  if (refusal !== undefined) {
    const stale = refusal.code === 'desired_state_expired' || refusal.code === 'clock_skew';
    return { status: stale ? 'stale' : 'refused', code: refusal.code, message };
  }
  return {
    status: problem === undefined ? 'unchanged' : 'applied',
    code: (problem === undefined ? findings[0]?.code : 'root_tampered') ?? null,
    message: message === '' ? null : message,
  };
}

/** Notes what runs, and makes the report of it. A module with a path that was found wrong is not vouched for this time. */
async function told(
  agent: Agent,
  plan: Plan,
  generation: Generation,
  problems: RootProblem[],
  verdict: Verdict,
): Promise<TickResult> {
  const { state: desired, version } = plan.desired;
  const modules: Record<string, string> = {};
  const suspect = new Set(problems.map((problem) => problem.module));
  const vouched: Record<string, string> = {};
  for (const layer of desired.layers) {
    const label = moduleLabel(agent.config.account, layer.account, layer.module);
    modules[label] = layer.composefs_digest;
    if (!suspect.has(`${layer.account}/${layer.module}`)) vouched[label] = layer.composefs_digest;
  }
  const next = {
    ...agent.state,
    generation: generation.number,
    applied_version: version,
    composition_digest: desired.composition_digest,
    running_module_digests: modules,
    applied_at:
      agent.state.generation === generation.number
        ? agent.state.applied_at
        : agent.now().toISOString(),
  };
  if (!isDeepStrictEqual(next, agent.state)) {
    agent.state = next;
    await writeJson(agent.paths.state, next);
  }
  const whole = problems.length === 0;
  return {
    report: {
      ...verdict,
      desired_state_version: version,
      composition_digest: whole ? desired.composition_digest : null,
      running_module_digests: vouched,
      health:
        whole && verdict.code === null && leftOut(plan.tree) === undefined ? 'healthy' : 'degraded',
      agent_version: agentVersion,
    },
    generation: generation.number,
  };
}

function unjudged(
  agent: Agent,
  running: Running,
  refusal: GantryError,
  findings: Finding[],
): TickResult {
  return {
    report: {
      ...verdictOf(refusal, [], findings),
      desired_state_version: running.desired.version,
      composition_digest: running.desired.state.composition_digest,
      running_module_digests: agent.state.running_module_digests,
      health: 'degraded',
      agent_version: agentVersion,
    },
    generation: running.generation.number,
  };
}

function nothingRuns(agent: Agent, refusal: GantryError, findings: Finding[]): TickResult {
  return {
    report: {
      ...verdictOf(refusal, [], findings),
      desired_state_version: agent.state.applied_version,
      composition_digest: null,
      running_module_digests: {},
      health: 'unknown',
      agent_version: agentVersion,
    },
    generation: 0,
  };
}
