import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { GantryError } from '../base/error.ts';
import { parseStored } from '../base/stored-json.ts';
import {
  type Composition,
  type CompositionIndex,
  compositionIndex,
  type GeneratedService,
  type IndexedLayer,
  type IndexedService,
  type LayerName,
  type PathFacts,
} from '../domain/compose/index.ts';
import { compareBytes, type TreeEntry } from '../domain/files/index.ts';
import { generatedOwner } from './generated.ts';
import { layerName } from './priority.ts';

/** Makes the index of a composition: plain JSON, always the same for the same composition. */
export function indexOf(composition: Composition): CompositionIndex {
  const names = composition.layers.map(layerName);
  const number = new Map(names.map((name, index) => [name, index]));
  const at = (name: LayerName) => number.get(name) ?? (name === generatedOwner ? generatedAt : -1);
  const services = (composition.services ?? []).map(indexedService);

  const index: CompositionIndex = {
    format: 1,
    layers: composition.layers.map(
      (
        { version, version_id, layer_digest, priority, package_spec = [], effects = [] },
        i,
      ): IndexedLayer => ({
        name: names[i] as LayerName,
        version,
        version_id,
        layer_digest,
        priority,
        packages: [...package_spec].sort(compareBytes),
        ...(effects.length === 0 ? {} : { effects }),
      }),
    ),
    ...columnsOf(composition, at),
    ...(services.length === 0 ? {} : { services }),
    dropped: composition.report.dropped.map(({ path, from, because_of }) => [
      path,
      at(from),
      at(because_of),
    ]),
    shadowed: composition.report.shadowed.map(({ path, from, by }) => [path, at(from), at(by)]),
    carved_out: composition.report.carved_out.map(({ path, from, by }) => [path, at(from), at(by)]),
    protected: composition.protected.map(({ path, by }) => [path, at(by)]),
    reserved: composition.layers.flatMap(({ granted_reservations = [], protected_spec }, by) =>
      granted_reservations
        .filter((pattern) => protected_spec.includes(pattern))
        .sort(compareBytes)
        .map((pattern): [string, number] => [pattern, by]),
    ),
  };

  return index;
}

/** The number of the generated layer as an owner: it is not one of the modules' layers. */
const generatedAt = -2;

function indexedService(service: GeneratedService): IndexedService {
  const { unit, account, module, managed, digest, reboot_required } = service;
  return { unit, account, module, managed, digest, reboot_required };
}

type Columns = Pick<
  CompositionIndex,
  'paths' | 'owner' | 'facts' | 'content' | 'mtime' | 'fact_table'
>;

function columnsOf(composition: Composition, at: (name: LayerName) => number): Columns {
  const out: Columns = { paths: [], owner: [], facts: [], content: [], mtime: [], fact_table: [] };
  const places = new Map<string, number>();

  const add = (entry: TreeEntry, by: number, rendered: boolean) => {
    const { type, mode, uid, gid, xattrs: attributes } = entry;
    const xattrs =
      attributes === undefined
        ? ''
        : hashShort(JSON.stringify(Object.entries(attributes).sort(byName)));
    const key = `${type} ${mode} ${uid} ${gid} ${rendered} ${xattrs}`;
    let place = places.get(key);

    if (place === undefined) {
      place = out.fact_table.push({ type, mode, uid, gid, xattrs, rendered }) - 1;
      places.set(key, place);
    }

    out.paths.push(entry.path);
    out.owner.push(by);
    out.facts.push(place);
    out.content.push(contentOf(entry));
    out.mtime.push(entry.mtime);
  };

  const rendered = composition.instance_files;
  let next = 0;

  const addRendered = (until: string | null) => {
    for (let one = rendered[next]; one !== undefined; one = rendered[next]) {
      if (until !== null && compareBytes(one.entry.path, until) > 0) return;
      add(one.entry, at(one.module), true);
      next++;
    }
  };

  for (const entry of composition.entries) {
    addRendered(entry.path);
    if (out.paths.at(-1) === entry.path) continue;

    const by = (entry.type === 'directory' ? composition.shapers : composition.owners).get(
      entry.path,
    );
    add(entry, by === undefined ? -1 : at(by), false);
  }

  addRendered(null);
  return out;
}

/** 128 bits, so that two different files never count as equal, not even in an attack. */
function hashShort(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

function contentOf({ type, size, verity, content, target, rdev }: TreeEntry): string {
  if (type === 'symlink') return hashShort(`link ${target ?? ''}`);
  if (type === 'character' || type === 'block') return hashShort(`device ${rdev ?? 0}`);
  if (type !== 'file' || size === 0) return '';
  if (verity !== undefined) return Buffer.from(verity, 'hex').toString('base64url').slice(0, 22);

  return hashShort(`content ${content ?? ''}`);
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return compareBytes(a, b);
}

/** The stored form of the index: JSON, compressed with gzip; about 40 bytes per file. */
export function encodeIndex(index: CompositionIndex): Uint8Array {
  return gzipSync(JSON.stringify(index));
}

/**
 * Reads what `encodeIndex` wrote. Throws `io_error` for other bytes, a format that this release
 * does not know, and JSON without the SHA-256 (hex) by which the caller knows it.
 */
export function decodeIndex(bytes: Uint8Array, sha256?: string): CompositionIndex {
  const json = gunzip(bytes);
  const found = hash('sha256', json);

  if (sha256 !== undefined && sha256 !== found) {
    throw new GantryError(
      'io_error',
      `expected a composition index with SHA-256 ${sha256}, found ${found}`,
    );
  }

  const index = parseStored(compositionIndex, json.toString('utf8'), 'a composition index');
  const { paths, owner, facts, content, mtime } = index;

  if ([owner, facts, content, mtime].some(({ length }) => length !== paths.length)) {
    throw new GantryError('io_error', 'expected a composition index with columns of one length');
  }

  return index;
}

function gunzip(bytes: Uint8Array): Buffer {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new GantryError('io_error', 'expected a composition index, found no gzip', { cause });
  }
}

/** The place of a path in the index's columns, or -1. */
export function findPlace(index: CompositionIndex, path: string): number {
  let low = 0;
  let high = index.paths.length - 1;

  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareBytes(index.paths[middle] as string, path);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }

  return -1;
}

/**
 * Returns what the index knows about the path at a position, and its owner (null for a root that no
 * layer has).
 */
export function readFacts(
  index: CompositionIndex,
  place: number,
): PathFacts & { by: LayerName | null } {
  const facts = index.fact_table[
    index.facts[place] as number
  ] as CompositionIndex['fact_table'][number];
  return {
    ...facts,
    content: index.content[place] as string,
    mtime: index.mtime[place] as number,
    by: ownerName(index, index.owner[place] as number),
  };
}

function ownerName({ layers }: CompositionIndex, owner: number): LayerName | null {
  return owner === generatedAt ? generatedOwner : (layers[owner]?.name ?? null);
}
