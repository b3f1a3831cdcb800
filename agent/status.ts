import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { AgentReport } from '../shared/contract/machines/index.ts';
import { agentReport } from '../shared/contract/machines/index.ts';
import { notEnrolledError } from './agent.ts';
import { currentGeneration } from './apply/generation.ts';
import { agentPaths } from './paths.ts';
import { readServicesRecord } from './services/services-record.ts';
import { readUnits } from './services/systemd.ts';
import { type AgentConfig, agentConfig, agentState, initialState, readJson } from './state.ts';

const run = promisify(execFile);

export interface AgentStatus {
  account: string;
  instance: string;
  way: AgentConfig['way'];
  layout: AgentConfig['layout'];
  /** The running generation; 0 before the first. */
  generation: number;
  applied_version: number;
  applied_at: string | null;
  /** Name → composefs digest of the modules that were applied last. */
  modules: Record<string, string>;
  services: { unit: string; state: string }[];
  /** Generations that the machine can return to, the newest first. */
  good_generations: number[];
  /** Why the desired state is not applied, when it failed here or a person went back. */
  blocked: { code: string; message: string } | null;
  last_report: { at: string; report: AgentReport } | null;
  /** When the timer of the package starts the agent next; null without that timer. */
  next_tick_at: string | null;
  /** What the store takes on the disk. */
  store_bytes: number;
}

/** The file that run.ts writes after each report. */
const reportedFile = z.object({ at: z.iso.datetime(), report: agentReport });

/**
 * Says what an agent does, from its files and the machine's systemd. It takes no lock and changes
 * nothing, so it works beside a running agent.
 *
 * @throws `prerequisite_missing` when the directory is not enrolled
 */
export async function readStatus(dir: string): Promise<AgentStatus> {
  const paths = agentPaths(dir);
  const config = await readJson(paths.config, agentConfig, 'Remove it, and enrol again.');
  if (config === undefined) throw notEnrolledError(dir);

  const state = (await readJson(paths.state, agentState)) ?? initialState;
  const generation = (await currentGeneration(paths))?.number ?? 0;
  const reported = await readJson(paths.reported, reportedFile).catch(() => undefined);

  return {
    account: config.account,
    instance: config.instance,
    way: config.way,
    layout: config.layout,
    generation,
    applied_version: state.applied_version,
    applied_at: state.applied_at,
    modules: state.running_module_digests,
    services: await readServices(dir, generation),
    good_generations: state.good.map((one) => one.generation),
    blocked:
      state.blocked === null ? null : { code: state.blocked.code, message: state.blocked.message },
    last_report: reported ?? null,
    next_tick_at: await readNextTick(),
    store_bytes: await readSize(paths.store),
  };
}

async function readServices(dir: string, generation: number): Promise<AgentStatus['services']> {
  const record = await readServicesRecord(agentPaths(dir), generation);
  const units = record?.services.map(({ unit }) => unit) ?? [];

  const states = await readUnits(units).catch(() => []);
  return units.map((unit, index) => ({ unit, state: states[index]?.ActiveState ?? 'unknown' }));
}

const timers = z.array(z.object({ next: z.number() }));

/** systemd counts in microseconds, and writes 0 or its largest number for never. */
async function readNextTick(): Promise<string | null> {
  try {
    const args = ['list-timers', '--output=json', 'gantry-agent.timer'];
    const { stdout } = await run('systemctl', args);
    const [timer] = timers.parse(JSON.parse(stdout));

    const at = new Date((timer?.next ?? 0) / 1000);
    return at.getTime() > 0 ? at.toISOString() : null;
  } catch {
    return null;
  }
}

/** 0 when it cannot be read: only root may enter the store. */
async function readSize(path: string): Promise<number> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1', '--', path]).catch(() => ({
    stdout: '0',
  }));
  return Number.parseInt(stdout, 10);
}
