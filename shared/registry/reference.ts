import { GantryError } from '../base/error.ts';
import { canonicalHost } from '../domain/registries/index.ts';

/** The parts of an OCI reference. If it has a tag and a digest, the digest wins. */
export interface Reference {
  /**
   * Registry host with its port in the form of `canonicalHost`, e.g. `ghcr.io` or `127.0.0.1:5000`.
   */
  host: string;
  repository: string;
  tag?: string;
  /** `sha256:<64 hex digits>` */
  digest?: string;
}

// OCI distribution 1.1, "Pulling manifests": the grammars of names and tags.
const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** True for `sha256:<64 lower-case hex digits>`, the only algorithm Gantry accepts. */
export function isDigest(text: string): boolean {
  return digestPattern.test(text);
}

/**
 * Parses `host[:port]/repo/name[:tag|@sha256:…]`. The host is always required.
 * @throws GantryError `reference_invalid`
 */
export function parseReference(text: string): Reference {
  const scheme = /^[a-z]+:\/\//.exec(text)?.[0];
  if (scheme !== undefined) throw referenceInvalidError(text, `it without ${scheme}`);

  const slash = text.indexOf('/');
  if (slash <= 0) throw referenceInvalidError(text, 'a host and a repository');

  const host = canonicalHost(text.slice(0, slash));
  if (host === null)
    throw referenceInvalidError(text, 'a registry host with a dot or a port, or localhost');

  let rest = text.slice(slash + 1);
  const reference: Reference = { host, repository: '' };
  const at = rest.indexOf('@');

  if (at >= 0) {
    const digest = rest.slice(at + 1);
    if (!isDigest(digest)) throw referenceInvalidError(text, '@sha256: and 64 hex digits');
    reference.digest = digest;
    rest = rest.slice(0, at);
  }

  const colon = rest.indexOf(':');
  if (colon >= 0) {
    const tag = rest.slice(colon + 1);
    if (!tagPattern.test(tag))
      throw referenceInvalidError(
        text,
        'a tag of up to 128 letters, digits, dots, dashes and underscores',
      );

    reference.tag = tag;
    rest = rest.slice(0, colon);
  }

  if (!repositoryPattern.test(rest) || rest.length > 255) {
    throw referenceInvalidError(text, 'a repository of lower-case path components');
  }

  reference.repository = rest;
  return reference;
}

/** Formats a reference as text; `parseReference(formatReference(x))` equals x. */
export function formatReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Returns the region of a private Amazon ECR registry, or null for any other host. */
export function ecrRegion(host: string): string | null {
  const pattern =
    /^[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$/;
  return pattern.exec(host)?.[1] ?? null;
}

function referenceInvalidError(text: string, expected: string): GantryError {
  return new GantryError(
    'reference_invalid',
    `"${text}" is not an OCI reference: expected ${expected}, as in registry.example.com/team/module:v1.0.0`,
    { field: 'repository', expected, found: text },
  );
}
