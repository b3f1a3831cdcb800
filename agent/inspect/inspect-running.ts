import type { GantryError } from '../../shared/base/error.ts';
import type { Agent } from '../agent.ts';
import { layOutGeneration } from '../apply/apply-state.ts';
import { adoptState, type Generation } from '../apply/generation.ts';
import { requireRepairDue } from '../apply/repairs.ts';
import type { Running } from '../apply/running.ts';
import { endsEnrolment, toGantryError } from '../failure.ts';
import type { HeldDesiredState } from '../fetch/desired-state.ts';
import { findMountFault } from '../mount/generation-mounts.ts';
import type { Remark } from '../verify/remark.ts';
import { type VerifiedContent, verifyContent } from '../verify/verify-content.ts';
import { inspectRoot, type RootProblem } from './inspect-root.ts';

/** The result of the inspection of the running root. */
export type Inspected =
  /**
   * The expected tree was verified. If there are problems, the root was laid out again unless there
   * is an error.
   */
  | {
      kind: 'verified';
      content: VerifiedContent;
      generation: Generation;
      problems: RootProblem[];
      error?: GantryError;
    }
  /**
   * The expected tree could not be verified, or the root could not be read. The root keeps running.
   */
  | { kind: 'unverified'; error: GantryError };

/**
 * Verifies the expected tree of the running root again, compares the root with it, and lays the
 * root out again if they differ.
 *
 * @param held The desired state of the running root, or the same content signed again, which the
 * generation then adopts.
 */
export async function inspectRunning(
  agent: Agent,
  running: Running,
  held: HeldDesiredState,
  remarks: Remark[],
): Promise<Inspected> {
  let content: VerifiedContent;
  let problems: RootProblem[];
  try {
    content = await verifyContent(held.desired, agent, remarks);
    problems = await inspectGeneration(agent, running.generation, content, remarks);
  } catch (thrown) {
    // For example a policy that was tightened, or content that cannot be fetched now.
    return { kind: 'unverified', error: requireReportable(thrown, 'inspected') };
  }

  const verified = { kind: 'verified', content, generation: running.generation, problems } as const;
  try {
    if (problems.length > 0) {
      requireRepairDue(agent.state.repairs, agent.now());
      return { ...verified, generation: await layOutGeneration(agent, content, held.bytes) };
    }

    if (!held.bytes.equals(running.bytes)) {
      await adoptState(agent.paths, running.generation.number, held.bytes);
    }

    return verified;
  } catch (thrown) {
    return { ...verified, error: requireReportable(thrown, 'laid out again') };
  }
}

async function inspectGeneration(
  { paths, config, check }: Agent,
  { number, path: root, layout }: Generation,
  { tree }: VerifiedContent,
  remarks: Remark[],
): Promise<RootProblem[]> {
  if (layout === 'mount') {
    const writablePaths = config.writable_paths;
    const what = await findMountFault({ paths, number, writablePaths });
    if (what !== undefined) return [{ path: '/', what, module: undefined }];
    // A mounted file has the times of the image, and keeps the object that it was opened with.
    if (remarks.some(({ code }) => code === 'store_tampered')) check.forget();
  }

  return inspectRoot({ root, tree, check, layout });
}

function requireReportable(thrown: unknown, done: string): GantryError {
  if (endsEnrolment(thrown)) throw thrown;
  return toGantryError(thrown, `The root file system could not be ${done}`);
}
