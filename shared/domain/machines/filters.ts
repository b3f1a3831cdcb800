import { byName, type FilterTests, matchesName } from '../../base/filters.ts';
import { tracks } from '../templates/index.ts';
import { driftOf, standings } from './drift.ts';
import { type Instance, instanceStates } from './instance.ts';

export const instanceFilters = {
  name: byName,
  template: { kind: 'text', about: 'template' },
  track: { kind: 'choice', choices: tracks, about: 'track' },
  cluster: { kind: 'text', about: 'cluster' },
  state: { kind: 'choice', choices: instanceStates, about: 'state' },
  standing: { kind: 'choice', choices: standings, about: 'standing' },
  health: { kind: 'choice', choices: ['healthy', 'degraded', 'unknown'], about: 'reported health' },
  code: { kind: 'text', about: 'code of the last report' },
  module: { kind: 'text', about: 'module that it should run or runs' },
  all: { kind: 'flag', about: 'list decommissioned instances too' },
} as const;

export function instanceTests(now: Date): FilterTests<Instance, typeof instanceFilters> {
  return {
    name: (row, name) => matchesName(name, row.name),
    template: (row, id) => row.template_id === id,
    track: (row, track) => row.track === track,
    cluster: ({ clusters }, cluster) => clusters.includes(cluster),
    state: (row, state) => row.state === state,
    standing: (row, standing) => driftOf(row, now).standing === standing,
    health: ({ report }, health) => (report?.health ?? 'unknown') === health,
    code: ({ report }, code) => report?.code === code,
    module: ({ desired_modules, report }, module) =>
      Object.hasOwn(desired_modules, module) ||
      Object.hasOwn(report?.running_module_digests ?? {}, module),
    all: (row, all, { state }) => all || state !== undefined || row.state !== 'decommissioned',
  };
}
