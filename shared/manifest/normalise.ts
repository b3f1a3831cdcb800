import { describeValue, formatKeyPath, type KeyPath, type ManifestFinding } from './problem.ts';

/** Keys of an `identity` that the flat form has at the top level. */
export const identityKeys = ['name', 'display_name', 'description', 'license', 'parent_module'];

/**
 * Keys that belong to the module's registration. A manifest with such keys is not refused, but they
 * have no effect.
 */
export const registrationKeys = ['variety', 'cosign_identity_regexp', 'cosign_issuer_regexp'];

/** The same in an `identity`, which has no effect on `category` either. */
const identityRegistrationKeys = ['category', ...registrationKeys];

type Mapping = Record<string, unknown>;

/** A manifest in the flat form, not yet validated. */
export interface NormalisedManifest {
  value: Mapping;
  findings: ManifestFinding[];
  /** Converts a key path of the flat form to the path that the author wrote. */
  origin(path: KeyPath): KeyPath;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Rewrites the older nested form (`identity`, `file_spec.{include,exclude,mask}`,
 * `dependency_spec`) to the flat one. It warns about each old key and names the flat one. It drops
 * the keys that belong to the registration.
 */
export function normaliseManifest(written: Mapping): NormalisedManifest {
  const flat = new FlatManifest(written);
  if (!Object.hasOwn(written, 'schema_version')) {
    flat.warn(['schema_version'], 'missing; write schema_version: 1');
  }

  flat.dropKeys(written, registrationKeys, []);
  takeIdentity(flat);
  takeFileSpec(flat);
  takeDependencySpec(flat);

  return { value: flat.value, findings: flat.findings, origin: (path) => flat.origin(path) };
}

class FlatManifest {
  readonly value: Mapping;
  readonly findings: ManifestFinding[] = [];
  readonly #origins = new Map<string, KeyPath>();

  constructor(written: Mapping) {
    this.value = { ...written };
  }

  warn(path: KeyPath, message: string): void {
    this.findings.push({ severity: 'warning', path, atKey: true, message });
  }

  refuse(path: KeyPath, message: string, atKey = false): void {
    this.findings.push({ severity: 'error', path, atKey, message });
  }

  refuseUnknown(mapping: Mapping, known: string[], path: KeyPath): void {
    for (const key of Object.keys(mapping)) {
      if (known.includes(key)) continue;
      this.refuse([...path, key], `unknown key; expected one of ${known.join(', ')}`, true);
    }
  }

  /** Drops keys that belong to the registration. */
  dropKeys(mapping: Mapping, keys: readonly string[], path: KeyPath): void {
    for (const key of keys.filter((name) => Object.hasOwn(mapping, name))) {
      this.warn(
        [...path, key],
        `ignored: ${key} belongs to the module's registration, not to its manifest`,
      );
      if (path.length === 0) delete this.value[key];
    }
  }

  warnNested(path: KeyPath, flatKey: string): void {
    this.warn(path, `${formatKeyPath(path)} is the older nested form; write ${flatKey}`);
  }

  take(key: string): unknown {
    const value = this.value[key];
    delete this.value[key];
    return value;
  }

  setScalar(key: string, value: unknown, from: KeyPath): void {
    this.warnNested(from, key);
    if (Object.hasOwn(this.value, key)) {
      this.refuse(from, `expected ${key} once, found it at the top of the manifest as well`, true);
      return;
    }

    this.value[key] = value;
    this.#origins.set(formatKeyPath([key]), from);
  }

  /** Leaves a value that should have been a list to the schema, which reports it. */
  keepWrong(key: string, value: unknown, from: KeyPath): void {
    if (Object.hasOwn(this.value, key)) {
      this.refuse(from, `expected a list, found ${describeValue(value)}`);
      return;
    }

    this.value[key] = value;
    this.#origins.set(formatKeyPath([key]), from);
  }

  /** Appends entries, each with its original position, to the list at a flat path. */
  append(
    path: readonly [string, ...string[]],
    entries: readonly { value: unknown; from: KeyPath }[],
  ): void {
    let holder: Mapping = this.value;
    for (const key of path.slice(0, -1)) {
      const inner = holder[key] ?? {};
      // The wrong type of `holder` is reported by the schema.
      if (!isMapping(inner)) return;
      holder[key] = { ...inner };
      holder = holder[key] as Mapping;
    }

    const last = path[path.length - 1] as string;
    const present = holder[last] ?? [];
    if (!Array.isArray(present)) return;

    for (const [index, { from }] of entries.entries()) {
      this.#origins.set(formatKeyPath([...path, present.length + index]), from);
    }

    holder[last] = [...present, ...entries.map(({ value }) => value)];
  }

  origin(path: KeyPath): KeyPath {
    for (let length = path.length; length > 0; length--) {
      const from = this.#origins.get(formatKeyPath(path.slice(0, length)));
      if (from !== undefined) return [...from, ...path.slice(length)];
    }
    return path;
  }
}

function takeIdentity(flat: FlatManifest): void {
  if (!Object.hasOwn(flat.value, 'identity')) return;

  const identity = flat.take('identity');
  if (!isMapping(identity)) {
    flat.refuse(
      ['identity'],
      `expected a mapping, found ${describeValue(identity)}; write its keys at the top`,
    );
    return;
  }

  flat.dropKeys(identity, identityRegistrationKeys, ['identity']);
  flat.refuseUnknown(identity, [...identityKeys, ...identityRegistrationKeys], ['identity']);

  for (const key of identityKeys) {
    if (Object.hasOwn(identity, key)) flat.setScalar(key, identity[key], ['identity', key]);
  }
}

function takeFileSpec(flat: FlatManifest): void {
  if (!isMapping(flat.value.file_spec)) return;

  const fileSpec = flat.take('file_spec') as Mapping;
  const targets = { include: 'file_spec', exclude: 'mask', mask: 'mask' };

  flat.refuseUnknown(fileSpec, Object.keys(targets), ['file_spec']);
  for (const [key, flatKey] of Object.entries(targets)) {
    if (!Object.hasOwn(fileSpec, key)) continue;

    const from = ['file_spec', key];
    flat.warnNested(from, flatKey);

    const globs = fileSpec[key];
    if (Array.isArray(globs)) {
      const entries = globs.map((value, index) => ({ value, from: [...from, index] }));
      flat.append([flatKey], entries);
    } else flat.keepWrong(flatKey, globs, from);
  }
}

/**
 * `dependency_spec` holds globs, which stay, and in the older form mappings `{name}`, which are
 * requirements.
 */
function takeDependencySpec(flat: FlatManifest): void {
  const written = flat.value.dependency_spec;
  if (!Array.isArray(written) || !written.some(isMapping)) return;

  const from: KeyPath = ['dependency_spec'];
  const entries = [...written.entries()].map(([index, value]) => ({
    value,
    from: [...from, index],
  }));
  flat.take('dependency_spec');
  flat.warnNested(from, 'dependencies.requires');

  const globs = entries.filter(({ value }) => !isMapping(value));
  if (globs.length > 0) flat.append(['dependency_spec'], globs);
  flat.append(
    ['dependencies', 'requires'],
    entries.flatMap((entry) => requirementOf(flat, entry)),
  );
}

function requirementOf(flat: FlatManifest, { value, from }: { value: unknown; from: KeyPath }) {
  if (!isMapping(value)) return [];

  flat.refuseUnknown(value, ['name'], from);
  if (typeof value.name === 'string')
    return [{ value: `${value.name}@*`, from: [...from, 'name'] }];

  flat.refuse(from, `expected "name: <module>", found name: ${describeValue(value.name)}`);
  return [];
}
