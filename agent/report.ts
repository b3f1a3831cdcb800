import { limits } from '../shared/base/limits/index.ts';
import type { AgentReport } from '../shared/contract/machines/index.ts';
import type { VerifiedDesiredState } from '../shared/director/index.ts';
import { moduleLabel } from '../shared/domain/templates/index.ts';
import type { NotReceived } from './fetch/receive.ts';
import type { RootProblem } from './inspect/inspect-root.ts';
import type { LeftOut } from './inspect/left-out.ts';
import type { AgentConfig, AgentState } from './state.ts';
import type { Remark } from './verify/remark.ts';
import { agentVersion } from './version.ts';

/** The facts that every report can mention. */
export interface ReportContext {
  /** Why nothing new runs. */
  because?: NotReceived | undefined;
  remarks: readonly Remark[];
}

export interface RunningContent {
  config: AgentConfig;
  desired: VerifiedDesiredState;
  leftOut: LeftOut | undefined;
  /** Whether this tick applied it. */
  isNew: boolean;
  /** The faults of the root file system. */
  problems: readonly RootProblem[];
  /** Whether a root with problems was laid out again. */
  isRepaired: boolean;
}

/** Reports the verified modules that run. A module with a wrong path is left out of this report. */
export function reportVerified(running: RunningContent, context: ReportContext): AgentReport {
  const { config, desired, leftOut, problems } = running;
  const { state, version } = desired;

  const status = reportStatus(running.isNew, describeProblems(running), context);
  const suspects = new Set(problems.map(({ module }) => module));
  const vouched = state.layers.filter(
    ({ account, module }) => !suspects.has(`${account}/${module}`),
  );
  const isWhole = problems.length === 0;
  const isHealthy = isWhole && status.code === null && leftOut?.matters !== true;

  return {
    ...status,
    message: status.message ?? leftOut?.message ?? null,
    desired_state_version: version,
    composition_digest: isWhole ? state.composition_digest : null,
    running_module_digests: Object.fromEntries(
      vouched.map((layer) => [
        moduleLabel(config.account, layer.account, layer.module),
        layer.composefs_digest,
      ]),
    ),
    health: isHealthy ? 'healthy' : 'degraded',
    agent_version: agentVersion,
  };
}

export type NotedContent = Pick<
  AgentState,
  'applied_version' | 'composition_digest' | 'running_module_digests'
>;

/**
 * Reports the modules that were recorded when they were applied, because they cannot be verified
 * now.
 */
export function reportUnverified(noted: NotedContent, context: ReportContext): AgentReport {
  return {
    ...reportStatus(false, undefined, context),
    desired_state_version: noted.applied_version,
    composition_digest: noted.composition_digest,
    running_module_digests: noted.running_module_digests,
    health: 'degraded',
    agent_version: agentVersion,
  };
}

/** Adds what became known once a report was made. What it says already comes first. */
export function addRemarks(report: AgentReport, remarks: readonly Remark[]): AgentReport {
  const [first] = remarks;
  if (first === undefined) return report;

  const sentences = [report.message, ...remarks.map(({ message }) => message)];
  return {
    ...report,
    code: report.code ?? first.code,
    message: joinSentences(sentences.filter((sentence) => sentence !== null)),
    health: report.health === 'unknown' ? 'unknown' : 'degraded',
  };
}

/** Reports that nothing runs, or that it is not known what runs. */
export function reportNothing(appliedVersion: number, context: ReportContext): AgentReport {
  return {
    ...reportStatus(false, undefined, context),
    desired_state_version: appliedVersion,
    composition_digest: null,
    running_module_digests: {},
    health: 'unknown',
    agent_version: agentVersion,
  };
}

type ReportStatus = Pick<AgentReport, 'status' | 'code' | 'message'>;

/**
 * An operator must act on the reason why nothing new runs, so it comes first. The sentence mentions
 * everything.
 */
function reportStatus(
  isNew: boolean,
  problem: string | undefined,
  { because, remarks }: ReportContext,
): ReportStatus {
  const sentences = [because?.error.message, ...remarks.map(({ message }) => message), problem];
  const message = joinSentences(sentences.filter((sentence) => sentence !== undefined));

  if (because !== undefined) {
    return { status: isStale(because) ? 'stale' : 'refused', code: because.error.code, message };
  }

  if (problem !== undefined) return { status: 'applied', code: 'root_tampered', message };
  return { status: isNew ? 'applied' : 'unchanged', code: remarks[0]?.code ?? null, message };
}

/**
 * True if the machine keeps its content because it has no newer desired state; false if the newer
 * one is wrong.
 */
function isStale({ kind, error }: NotReceived): boolean {
  return kind === 'unreachable' || ['desired_state_expired', 'clock_skew'].includes(error.code);
}

function describeProblems({ problems, isRepaired }: RunningContent): string | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;

  const more = problems.length > 1 ? ` (and ${problems.length - 1} more paths)` : '';
  const repair = isRepaired ? 'the root was laid out again' : 'the root was not laid out again';

  return `${first.path} ${first.what}${more}; ${repair}.`;
}

/**
 * Paths and lists can be of any length, and the control plane refuses a message that is too long or
 * not well-formed.
 */
function joinSentences(sentences: string[]): string | null {
  if (sentences.length === 0) return null;

  const message = sentences.join(' ').toWellFormed();
  if (message.length <= limits.reportMessageMax) return message;
  return `${message.slice(0, limits.reportMessageMax - 1).toWellFormed()}…`;
}
