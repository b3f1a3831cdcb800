import { compareBytes } from '../domain/files/index.ts';
import type { ManifestService } from '../domain/modules/index.ts';
import { plainName } from './account-lines.ts';
import {
  execValue,
  type Place,
  pathValue,
  quoteWord,
  requireLine,
  serviceInvalidError,
  splitCommand,
} from './quote.ts';

/** What a unit waits for, as names of units. */
export interface UnitOrder {
  after: readonly string[];
  requires: readonly string[];
  wants: readonly string[];
}

export interface UnitFacts {
  /** `the service api of acme/web`, for errors. */
  place: Place;
  /** Returns the absolute path of a command without one. */
  findCommand: (name: string) => string | null;
  /** Name or number of the primary group of the service's user; null if the root lacks the user. */
  group: string | null;
  order: UnitOrder;
  /** Lines about rights: see `confine`. */
  rights: readonly string[];
}

const restarts = { never: 'no', 'on-failure': 'on-failure', always: 'always' } as const;

/** Writes the whole unit of a service with a start_command. Throws `service_invalid`. */
export function formatUnit(service: ManifestService, facts: UnitFacts, title: string): string {
  const { start_command = '', restart_policy = 'on-failure' } = service;
  return joinSections({
    Unit: [
      `Description=${title.replaceAll('%', '%%')}`,
      ...orderLines({ ...facts.order, after: ['network.target', ...facts.order.after] }),
    ],
    Service: [
      // "exec" notices a command that is missing; "simple" would call it started.
      'Type=exec',
      ...userLines(service, facts),
      `ExecStart=${commandValue(start_command, `the start_command of ${facts.place}`, facts)}`,
      ...stopLines(service, facts),
      ...restartLines(restart_policy),
      ...facts.rights,
    ],
  });
}

/** Writes a drop-in with what a manifest declares about the unit of a package. */
export function formatDropIn(service: ManifestService, facts: UnitFacts): string {
  const { stop_command, restart_policy } = service;
  return joinSections({
    Unit: orderLines(facts.order),
    Service: [
      ...userLines(service, facts),
      // The empty value takes back what the unit itself lists.
      ...(stop_command === undefined ? [] : ['ExecStop=', ...stopLines(service, facts)]),
      ...(restart_policy === undefined ? [] : restartLines(restart_policy)),
      ...facts.rights,
    ],
  });
}

/** Writes a drop-in for a unit_body, which has everything else itself. */
export function formatBodyDropIn({ order, rights }: Pick<UnitFacts, 'order' | 'rights'>): string {
  return joinSections({ Unit: orderLines(order), Service: rights });
}

/** The commands of the older form: `start` runs once, what it leaves behind is the service. */
export function formatInitUnit(
  { start, stop, restart }: { start?: string; stop?: string; restart?: string },
  facts: UnitFacts,
  title: string,
): string {
  const line = (key: string, verb: string, command: string | undefined) =>
    command === undefined
      ? []
      : [`${key}=${commandValue(command, `init.${verb} of ${facts.place}`, facts)}`];

  return joinSections({
    Unit: [
      `Description=${title}`,
      ...orderLines({ ...facts.order, after: ['network.target', ...facts.order.after] }),
    ],
    Service: [
      'Type=oneshot',
      'RemainAfterExit=yes',
      ...line('ExecStart', 'start', start),
      ...line('ExecStop', 'stop', stop),
      ...line('ExecReload', 'restart', restart),
      ...facts.rights,
    ],
  });
}

function joinSections(sections: Record<string, readonly string[]>): string {
  const made = '# Made by Gantry from a manifest. Changes are lost.\n';
  return Object.entries(sections)
    .filter(([, lines]) => lines.length > 0)
    .reduce((text, [name, lines]) => `${text}\n[${name}]\n${lines.join('\n')}\n`, made);
}

function orderLines({ after, requires, wants }: UnitOrder): string[] {
  return [
    ...listLine('After', after),
    ...listLine('Requires', requires),
    ...listLine('Wants', wants),
  ];
}

function listLine(key: string, units: readonly string[]): string[] {
  return units.length === 0 ? [] : [`${key}=${[...new Set(units)].join(' ')}`];
}

function userLines(service: ManifestService, { place, group }: UnitFacts): string[] {
  const { user, working_directory, env = {} } = service;
  return [
    ...(user === undefined ? [] : [`User=${userValue(user, place)}`]),
    ...(user === undefined || group === null ? [] : [`Group=${group}`]),
    ...(working_directory === undefined
      ? []
      : [`WorkingDirectory=${pathValue(working_directory, `the working_directory of ${place}`)}`]),
    ...Object.entries(env)
      .filter(([, value]) => value !== null)
      .sort(([a], [b]) => compareBytes(a, b))
      .map(([name, value]) => `Environment=${variableValue(name, String(value), place)}`),
  ];
}

function userValue(user: string, place: Place): string {
  if (plainName.test(user)) return user;
  throw serviceInvalidError(
    `expected the user of ${place} to be a name of letters, digits, "_", "." and "-", found ${JSON.stringify(user)}`,
  );
}

function variableValue(name: string, value: string, place: Place): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw serviceInvalidError(
      `expected env of ${place} to name variables by letters, digits and "_", the first no digit, found ${JSON.stringify(name)}`,
    );

  return quoteWord(`${name}=${requireLine(value, `the variable ${name} of ${place}`)}`);
}

function stopLines({ stop_command }: ManifestService, facts: UnitFacts): string[] {
  if (stop_command === undefined) return [];
  return [`ExecStop=${commandValue(stop_command, `the stop_command of ${facts.place}`, facts)}`];
}

function restartLines(policy: keyof typeof restarts): string[] {
  return [`Restart=${restarts[policy]}`, ...(policy === 'never' ? [] : ['RestartSec=5s'])];
}

function commandValue(command: string, place: Place, { findCommand }: UnitFacts): string {
  const [first, ...args] = splitCommand(command, place);
  if (first === undefined)
    throw serviceInvalidError(`expected ${place} to have a command, found none`);
  if (first.includes('/')) return execValue(first, args, place);

  const found = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(first) ? findCommand(first) : null;
  if (found !== null) return execValue(found, args, place);
  throw serviceInvalidError(
    `expected ${place} to start with the absolute path of a command, or with the name of one in the root, found ${JSON.stringify(first)}`,
  );
}
