import { sha256Hex } from '../base/ids.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { compareBytes, type TreeEntry } from '../domain/files/index.ts';
import { layerName, type UnitInput } from './input.ts';
import type { Root } from './root.ts';
import type { PlannedService, RootUser } from './services.ts';

/** Machines keep their own /var: what a module ships there is laid out once. */
const kept = '/var/';

/**
 * Computes the digests by which machines restart services. A digest is made of the unit's files, of
 * the service's user, and of each file that its module, or a config or instance child of it, has in
 * the root. Times do not count: a build of the same files at another time restarts nothing.
 */
export class ServiceDigests {
  readonly #input: UnitInput;
  readonly #root: Root;
  readonly #modules = new Map<LayerName, string>();

  constructor(input: UnitInput, root: Root) {
    this.#input = input;
    this.#root = root;
  }

  digestOf(
    { unit, layer, found }: PlannedService,
    texts: ReadonlyMap<string, string>,
    user: RootUser | undefined,
  ): string {
    const shipped = [
      found?.path ?? [],
      ...(found === null ? [] : this.#root.dropInsOf(unit)),
    ].flat();
    const parts = [
      [...texts],
      shipped.map((path) => this.#factsAt(path)),
      user ?? null,
      this.#moduleDigest(layerName(layer)),
    ];

    return sha256Hex(JSON.stringify(parts));
  }

  #moduleDigest(module: LayerName): string {
    const known = this.#modules.get(module);
    if (known !== undefined) return known;

    const family = this.#input.layers.filter(
      (layer) => layerName(layer) === module || layer.parent_module === module,
    );
    const paths = new Set(
      family.flatMap(({ entries }) =>
        entries.filter(({ type }) => type !== 'directory').map(({ path }) => path),
      ),
    );
    const names = new Set(family.map(layerName));
    const rendered = (this.#input.rendered_files ?? [])
      .filter((file) => names.has(file.module) || paths.has(file.path))
      .map(({ path, mode, uid, gid, content }) => [path, mode, uid, gid, content]);

    const facts = [...paths]
      .filter((path) => !path.startsWith(kept))
      .sort(compareBytes)
      .map((path) => this.#factsAt(path));
    const digest = sha256Hex(JSON.stringify([facts, rendered]));
    this.#modules.set(module, digest);
    return digest;
  }

  #factsAt(path: string): unknown[] {
    const entry = this.#root.get(path);
    return entry === undefined ? [path] : factsOf(entry);
  }
}

function factsOf({ path, type, mode, uid, gid, ...entry }: TreeEntry): unknown[] {
  const { size, target, rdev, xattrs = {}, content, verity } = entry;
  const attributes = Object.entries(xattrs).sort(([a], [b]) => compareBytes(a, b));
  return [path, type, mode, uid, gid, size, target, rdev, attributes, verity ?? content];
}
