import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { GantryError } from '../base/error.ts';
import type { HookKind } from '../domain/registries/index.ts';
import { parseReference } from './reference.ts';

/** Returns a header of the request by its lower-case name. */
export type Headers = (name: string) => string | undefined;

interface Product {
  /** How the sender proves that it knows the secret: a MAC over the body, or the secret itself. */
  proof(headers: Headers): { mac: string | undefined } | { secret: string | undefined };
  /** The path of each repository of the host that received a push. Other events return none. */
  pushed(body: unknown, host: string): string[];
}

const name = z.string().min(1).max(255);

/** docker/distribution, "Work with notifications": an envelope of events. */
const distribution = z.looseObject({
  events: z.array(
    z.looseObject({
      action: z.string(),
      target: z.looseObject({ repository: name.optional() }).nullish(),
    }),
  ),
});

/**
 * Harbor, "Configure webhook notifications": its default format, and CloudEvents with the same
 * data.
 */
const harbor = z.looseObject({
  type: z.string(),
  event_data: z.unknown().optional(),
  data: z.unknown().optional(),
});
const harborData = z.looseObject({ repository: z.looseObject({ repo_full_name: name }) });

/**
 * Gitea's package event (modules/structs/hook_package.go, PackagePayload), or what the workflow of
 * Powernode's modules sends after its push (templates/module-repo/.gitea/workflows/build.yaml). The
 * test delivery of Gitea is a push without action.
 */
const gitea = z.looseObject({
  action: z.string().optional(),
  package: z
    .looseObject({ type: z.string(), name, owner: z.looseObject({ login: name }) })
    .optional(),
  /** `<host>/<owner>/<name>:<tag>`; empty where the workflow pushed nothing. */
  artifact: z.string().max(1024).nullish(),
  sbom: z.unknown().optional(),
});

/** GitHub's events `package` and `registry_package`, which have the same fields. */
const githubPackage = z.looseObject({
  name,
  namespace: z.string().nullish(),
  package_type: z.string(),
  owner: z.looseObject({ login: name }),
});
const github = z.looseObject({
  action: z.string().optional(),
  package: githubPackage.optional(),
  registry_package: githubPackage.optional(),
});

/**
 * Reads the `Authorization` that an operator configured at the registry: the secret alone, or as a
 * bearer token.
 */
const authorization = (headers: Headers) => ({
  secret: headers('authorization')?.replace(/^Bearer\s+/i, ''),
});

const products: Record<HookKind, Product> = {
  distribution: {
    proof: authorization,
    pushed: (body) =>
      parseWith(distribution, body, 'notifications of a registry').events.flatMap(
        ({ action, target }) =>
          action === 'push' && target?.repository !== undefined ? [target.repository] : [],
      ),
  },
  harbor: {
    proof: authorization,
    pushed(body) {
      const { type, event_data, data } = parseWith(harbor, body, 'an event of Harbor');
      if (type !== 'PUSH_ARTIFACT' && type !== 'harbor.artifact.pushed') return [];
      return [
        parseWith(harborData, event_data ?? data, 'an event of Harbor').repository.repo_full_name,
      ];
    },
  },
  gitea: {
    proof: (headers) => ({
      mac: (headers('x-gitea-signature') ?? headers('x-hub-signature-256'))?.replace(
        /^sha256=/,
        '',
      ),
    }),
    pushed(body, host) {
      const event = parseWith(gitea, body, 'an event of Gitea');
      if (event.sbom !== undefined) throw refuseSbom();
      if (typeof event.artifact === 'string') return pathOn(host, event.artifact);
      if (event.action !== 'created' || event.package?.type !== 'container') return [];
      return [`${event.package.owner.login}/${event.package.name}`];
    },
  },
  github: {
    proof: (headers) => ({ mac: headers('x-hub-signature-256')?.replace(/^sha256=/, '') }),
    pushed(body) {
      const event = parseWith(github, body, 'an event of GitHub');
      const pushed = event.package ?? event.registry_package;
      if (pushed === undefined || !['published', 'updated'].includes(event.action ?? '')) return [];
      if (pushed.package_type.toLowerCase() !== 'container') return [];

      return [`${pushed.owner.login}/${pushed.name}`];
    },
  },
};

/**
 * Checks that the sender of a webhook knows its secret: by an HMAC-SHA-256 over the body in
 * hexadecimal (GitHub, Gitea), or by the secret itself as `Authorization` (distribution, Harbor).
 * It takes the same time however it fails. Gitea writes the bare MAC, workflows write `sha256=`
 * before it.
 */
export function isAuthentic(
  kind: HookKind,
  headers: Headers,
  body: Uint8Array,
  secret: string,
): boolean {
  const proof = products[kind].proof(headers);
  const expected =
    'mac' in proof ? createHmac('sha256', secret).update(body).digest('hex') : secret;
  const found = ('mac' in proof ? proof.mac : proof.secret) ?? '';
  // timingSafeEqual needs equal lengths, so it compares hashes.
  const hash = (text: string) => createHmac('sha256', 'compare').update(text).digest();

  return timingSafeEqual(hash(expected), hash(found));
}

/**
 * Lists the repositories of a host that received a push according to a webhook: references without
 * a tag, each once. Other kinds of event, and names that no repository can have, are ignored.
 * @throws GantryError `invalid_request` when the body does not have the format of the product
 */
export function pushedRepositories(kind: HookKind, host: string, body: Uint8Array): string[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new GantryError('invalid_request', 'expected a body of JSON, found something else');
  }

  const references = products[kind]
    .pushed(value, host)
    .map((path) => `${host}/${path.toLowerCase()}`);
  return [...new Set(references)].filter(isRepository);
}

/** The workflow of Powernode's modules sends an SBOM by itself, which no signature covers. */
function refuseSbom(): GantryError {
  return new GantryError(
    'invalid_request',
    'expected word of a push, found an SBOM; Gantry reads SBOMs from the registry, as a layer beside the module or as an attestation',
    { field: 'sbom' },
  );
}

/** The path of a reference, if it names a repository of the host. */
function pathOn(host: string, reference: string): string[] {
  try {
    const named = parseReference(reference.toLowerCase());
    return named.host === host.toLowerCase() ? [named.repository] : [];
  } catch {
    return [];
  }
}

function isRepository(text: string): boolean {
  try {
    const { tag, digest } = parseReference(text);
    return tag === undefined && digest === undefined;
  } catch {
    return false;
  }
}

function parseWith<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;

  const issue = result.error.issues[0];
  const field = issue?.path.join('.') || 'the body';
  throw new GantryError('invalid_request', `expected ${what}: at ${field}: ${issue?.message}`, {
    field,
  });
}
