import { byName, type FilterTests, matchesName } from '../../base/filters.ts';
import { type ApiToken, type Role, roles } from './account.ts';
import {
  type Member,
  memberState,
  memberStates,
  rolesOfToken,
  tokenState,
  tokenStates,
} from './member.ts';

const role = { kind: 'choice', choices: roles, about: 'role' } as const;

export const memberFilters = {
  name: { kind: 'name', about: 'name or address; * stands for any text' },
  role,
  state: { kind: 'choice', choices: memberStates, about: 'state' },
} as const;

export function memberTests(now: Date): FilterTests<Member, typeof memberFilters> {
  return {
    name: (row, name) => matchesName(name, row.name) || matchesName(name, row.email),
    role: (row, wanted: Role) => row.roles.includes(wanted),
    state: (row, state) => memberState(row, now) === state,
  };
}

export const tokenFilters = {
  name: byName,
  role,
  state: { kind: 'choice', choices: tokenStates, about: 'state' },
} as const;

/** @param members those of the account, by id */
export function tokenTests(
  now: Date,
  members: ReadonlyMap<string, Member>,
): FilterTests<ApiToken, typeof tokenFilters> {
  return {
    name: (row, name) => matchesName(name, row.name),
    role: (row, wanted: Role) => rolesOfToken(row, members).includes(wanted),
    state: (row, state) => tokenState(row, members, now) === state,
  };
}
