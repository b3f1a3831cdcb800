import type { ASN1Obj, X509Certificate } from '@sigstore/core';

const oid = {
  subjectAltName: '2.5.29.17',
  nameConstraints: '2.5.29.30',
  usage: '2.5.29.37',
  anyUsage: '2.5.29.37.0',
  codeSigning: '1.3.6.1.5.5.7.3.3',
} as const;

/**
 * The critical extensions that somebody checks: key usage, basic constraints and key identifiers
 * the library, the others this file and signer.ts. Certificate policies bind nobody, because
 * Gantry requires none.
 */
const understood = new Set([
  '2.5.29.14',
  '2.5.29.15',
  oid.subjectAltName,
  '2.5.29.19',
  oid.nameConstraints,
  '2.5.29.32',
  '2.5.29.35',
  oid.usage,
]);

/** The kinds of GeneralName that carry a signer's identity, by tag (RFC 5280, §4.2.1.6). */
const mailbox = 1;
const uri = 6;

/**
 * Makes the checks of RFC 5280 §6.1 that the library's chain verifier lacks: critical extensions
 * that nobody understands, extended key usages that an issuer does not have, and names that an
 * issuer may not certify. It checks each certificate of `authority` that may be above `leaf`, by
 * name. Signatures, periods and path lengths are the library's part.
 * @returns what is wrong, as a sentence, or null
 */
export function findPathFault(
  leaf: X509Certificate,
  authority: readonly X509Certificate[],
): string | null {
  const issuers = findIssuers(leaf, authority);
  try {
    return (
      findExtensionFault([leaf, ...issuers]) ??
      findUsageFault(issuers) ??
      findNameFault(leaf, issuers)
    );
  } catch {
    return 'expected certificate extensions that can be read, found malformed ones';
  }
}

function findIssuers(
  leaf: X509Certificate,
  authority: readonly X509Certificate[],
): X509Certificate[] {
  const path = [leaf];
  for (const below of path) {
    path.push(
      ...authority.filter((one) => !path.includes(one) && one.subject.equals(below.issuer)),
    );
  }
  return path.slice(1);
}

function findExtensionFault(path: readonly X509Certificate[]): string | null {
  for (const certificate of path) {
    const seen = new Set<string>();
    for (const { name, critical } of certificate.extensions.map(readExtension)) {
      if (seen.has(name) && understood.has(name))
        return `expected each extension once, found ${name} twice`;
      seen.add(name);

      if (critical && !understood.has(name))
        return `expected no critical extension that Gantry does not know, found ${name}`;
    }
  }
  return null;
}

function findUsageFault(issuers: readonly X509Certificate[]): string | null {
  for (const issuer of issuers) {
    const usages = readUsages(issuer);
    if (usages !== null && !usages.includes(oid.codeSigning) && !usages.includes(oid.anyUsage))
      return `expected an authority for code signing, found one for ${usages.join(', ')}`;
  }
  return null;
}

function readUsages(certificate: X509Certificate): string[] | null {
  return readSequence(certificate, oid.usage)?.map((usage) => usage.toOID()) ?? null;
}

function findNameFault(leaf: X509Certificate, issuers: readonly X509Certificate[]): string | null {
  const names = readSequence(leaf, oid.subjectAltName) ?? [];
  for (const issuer of issuers) {
    for (const subtrees of readSequence(issuer, oid.nameConstraints) ?? []) {
      const bases = subtrees.subs.map(readBase);
      const fault = names
        .map((name) => findSubtreeFault(name, bases, isExcluding(subtrees)))
        .find((found) => found !== null);
      if (fault !== undefined) return fault;
    }
  }
  return null;
}

function isExcluding({ tag }: ASN1Obj): boolean {
  if (tag.isContextSpecific(0)) return false;
  if (tag.isContextSpecific(1)) return true;
  throw new Error('expected permitted or excluded subtrees');
}

interface Base {
  kind: number;
  text: string;
}

/** @throws Error for a kind of name or a distance that is not checked here: unknown means no */
function readBase({ subs: [base, ...distances] }: ASN1Obj): Base {
  const kind = [mailbox, uri].find((one) => base?.tag.isContextSpecific(one));
  if (base === undefined || kind === undefined || distances.length > 0)
    throw new Error('expected a constraint of mailboxes or URIs');
  return { kind, text: base.value.toString('latin1') };
}

/**
 * A name of a kind that the subtrees do not name is free (RFC 5280, §4.2.1.10). A name that cannot
 * be taken apart is refused.
 */
function findSubtreeFault(
  name: ASN1Obj,
  bases: readonly Base[],
  excluding: boolean,
): string | null {
  const alike = bases.filter(({ kind }) => name.tag.isContextSpecific(kind));
  if (alike.length === 0) return null;

  const text = name.value.toString('latin1');
  const read = name.tag.isContextSpecific(uri) ? readHost(text) : readMailbox(text);
  const within = alike.some(({ text: base }) => read !== null && matchesBase(read, base));
  if (read !== null && within !== excluding) return null;

  return `expected a name that the authority may certify, found ${JSON.stringify(text.slice(0, 200))}`;
}

interface ReadName {
  local: string | null;
  domain: string;
}

const domain = /^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)*$/i;

function readHost(text: string): ReadName | null {
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#:@\\]+)(:\d*)?([/?#]|$)/i.exec(text)?.[1] ?? '';
  return domain.test(host) ? { local: null, domain: host } : null;
}

function readMailbox(text: string): ReadName | null {
  const [, local, host] = /^([\x21\x23-\x3f\x41-\x7e]+)@([^@]+)$/.exec(text) ?? [];
  return local === undefined || host === undefined || !domain.test(host)
    ? null
    : { local, domain: host };
}

/**
 * As Go's crypto/x509, which cosign uses: a domain covers itself and what is below it, one with a
 * leading dot only what is below it, a mailbox only itself.
 */
function matchesBase({ local, domain }: ReadName, base: string): boolean {
  const at = base.lastIndexOf('@');
  const [mine, theirs] = [domain.toLowerCase(), base.slice(at + 1).toLowerCase()];
  if (at >= 0) return local === base.slice(0, at) && mine === theirs;
  if (theirs.startsWith('.')) return mine.endsWith(theirs);
  return theirs === '' || mine === theirs || mine.endsWith(`.${theirs}`);
}

function readSequence(certificate: X509Certificate, name: string): ASN1Obj[] | null {
  const extension = certificate.extensions.map(readExtension).find((one) => one.name === name);
  if (extension === undefined) return null;

  const [sequence] = extension.octets.subs;
  if (sequence === undefined) throw new Error(`expected the extension ${name} to be a sequence`);
  return sequence.subs;
}

/** `Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue }`. */
function readExtension({ subs }: ASN1Obj): { name: string; critical: boolean; octets: ASN1Obj } {
  const [name, flag] = subs;
  const octets = subs.at(-1);
  if (name === undefined || octets === undefined || subs.length > 3)
    throw new Error('expected an extension');
  return { name: name.toOID(), critical: subs.length === 3 && flag?.toBoolean() === true, octets };
}
