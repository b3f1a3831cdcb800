import type { StageGrants } from '../shared/contract/stages.ts';
import type { Http } from './http.ts';
import type { Keys } from './keys.ts';
import type { Outside } from './outside.ts';
import type { Promotion } from './promotion.ts';
import type { StageFunction } from './stage-function.ts';
import type { Storage } from './storage.ts';

/**
 * Everything that a stage may be granted; each construct knows the actions and the variables of its
 * own resources.
 */
export interface Grantors {
  storage: Storage;
  keys: Keys;
  outside: Outside;
  http: Http;
  promotion: Promotion;
}

/** Gives a stage what its entry in the table of stages states, and nothing else. */
export function grant(stage: StageFunction, grants: StageGrants, grantors: Grantors): void {
  grantStorage(stage, grants, grantors);
  grantKeys(stage, grants, grantors);

  const { outside, promotion, http } = grantors;
  for (const use of grants.executions ?? []) promotion.allow(use, stage);
  for (const what of grants.outside ?? []) outside.allow(what, stage);
  if (grants.secrets !== undefined) outside.allowSecrets(stage);
  if (grants.publicUrl) http.namePublicUrl(stage);
}

function grantStorage(stage: StageFunction, grants: StageGrants, { storage }: Grantors): void {
  if (grants.table !== undefined) storage.allowTable(stage, grants.table);
  if (grants.objects !== undefined) storage.allowObjects(stage, grants.objects);
  if (grants.collect !== undefined) storage.allowCollect(stage, grants.collect);
  if (grants.trustRoot !== undefined) storage.allowTrustRoot(stage, grants.trustRoot);
}

function grantKeys(stage: StageFunction, grants: StageGrants, { keys }: Grantors): void {
  const { directorKeys = [], links } = grants;
  if (directorKeys.includes('make')) keys.allowMakeDirectorKeys(stage);
  if (directorKeys.includes('sign')) keys.allowSignAsDirector(stage);
  if (links === 'make') keys.allowMakeLinks(stage);
  if (links === 'check') keys.allowCheckLinks(stage);
}
