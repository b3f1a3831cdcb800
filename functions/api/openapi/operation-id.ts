import type { Route } from '../route.ts';

type Place = Pick<Route, 'method' | 'path'>;

const verbs: Record<Route['method'], string> = {
  get: 'get',
  post: 'create',
  put: 'set',
  patch: 'update',
  delete: 'delete',
};

/** Names that do not follow from method and path. */
const named: ReadonlyMap<string, string> = new Map([
  ['get /accounts/current', 'getCurrentAccount'],
  ['get /whoami', 'getCaller'],
  ['post /members', 'inviteMember'],
  ['post /members/{id}/invitation', 'inviteMemberAgain'],
  ['post /invitations/accept', 'acceptInvitation'],
  ['get /members/me/tokens', 'listOwnTokens'],
  ['post /members/me/tokens', 'createOwnToken'],
  ['delete /members/me/tokens/{id}', 'revokeOwnToken'],
  ['delete /tokens/{id}', 'revokeToken'],
  ['post /modules', 'registerModule'],
  ['get /modules/{name}/why', 'explainTag'],
  ['post /manifests/validate', 'validateManifest'],
  ['get /templates/{id}/composition/why', 'explainPath'],
  ['patch /system/node_module_assignments/{id}', 'updateAssignment'],
  ['delete /system/node_module_assignments/{id}', 'deleteAssignment'],
  ['put /templates/{id}/assignments', 'setTemplateAssignments'],
  ['patch /templates/{id}/assignments', 'updateTemplateAssignments'],
  ['post /instances/{id}/join-token', 'createJoinToken'],
  ['get /fleet', 'getFleet'],
  ['get /trust/root', 'getTrust'],
  ['get /trust/roots/{version}', 'getTrustRoot'],
  ['post /trust/root/proposal', 'proposeTrustRoot'],
  ['delete /trust/root/proposal', 'withdrawTrustRoot'],
  ['post /trust/root/proposal/signatures', 'signTrustRoot'],
  ['post /agent/enroll', 'enrollAgent'],
  ['post /agent/heartbeat', 'sendHeartbeat'],
  ['post /agent/artifacts', 'requestArtifacts'],
  ['post /agent/report', 'sendReport'],
]);

/**
 * Returns the name of a route in generated clients: a verb and a noun in camel case, such as
 * `listModules` for `get /modules` and `promoteVersion` for `post /versions/{id}/promote`.
 */
export function operationIdOf({ method, path }: Place): string {
  const known = named.get(`${method} ${path}`);
  if (known !== undefined) return known;

  const parts = path.split('/').slice(1);
  const nouns = parts.filter((part) => !part.startsWith('{'));
  const last = nouns.at(-1) ?? '';
  const owner = nouns.slice(0, -1).map(singular).map(capitalise).join('');

  // Below one object: a list of its own, or something that is done with it.
  if (parts.at(-1)?.startsWith('{')) return `${verbs[method]}${owner}${capitalise(singular(last))}`;
  if (method === 'get')
    return `${isPlural(last) ? 'list' : 'get'}${owner}${capitalise(camel(last))}`;
  if (method === 'post' && owner !== '' && !isPlural(last)) return `${camel(last)}${owner}`;
  return `${verbs[method]}${owner}${capitalise(singular(last))}`;
}

const isPlural = (noun: string) => noun.endsWith('s');

function singular(noun: string): string {
  return camel(noun.replace(/ies$/, 'y').replace(/s$/, ''));
}

const camel = (text: string) => text.replace(/[-_](\w)/g, (_all, letter) => letter.toUpperCase());

const capitalise = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
