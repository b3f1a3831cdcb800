import {
  type FileSink,
  type ModuleTar,
  readModuleTar,
  verifyModuleTar,
} from '../../../shared/artifact/index.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { servingPlatform } from '../../../shared/domain/modules/index.ts';
import type { SignaturePolicy } from '../../../shared/domain/signatures/index.ts';
import { parseManifestJson } from '../../../shared/manifest/index.ts';
import {
  type LayerAccounts,
  type RecordedPackage,
  readRecord,
  recordsDirectory,
} from '../../../shared/packages/index.ts';
import {
  collectSignatures,
  type Descriptor,
  isIndex,
  listBuilds,
  type Manifest,
  type ManifestContent,
  mediaTypes,
  parseIndex,
  parseManifest,
  platformOf,
  signed,
} from '../../../shared/registry/index.ts';
import { verifyArtifact } from '../../../shared/signature/index.ts';
import type { Target } from '../../input/registry-target.ts';
import type { RequiredModule, Wanted } from './required-modules.ts';

/**
 * Reads a required module from a registry: its manifest, the packages that its layer records, and
 * the users that it brings. The layer is streamed; no file of it is kept.
 * @param policy whose signature counts; null takes the artifact without a signature
 * @throws GantryError the code of a signature that does not verify, `platform_missing`,
 * `artifact_invalid`, `registry_*`, `tar_*`
 */
export async function readRequiredArtifact(
  target: Target,
  policy: SignaturePolicy | null,
  { platform, architecture }: Wanted,
): Promise<RequiredModule> {
  const { client, reference, name } = target;
  const top = await client.getManifest(reference.repository, name);
  const from = `${reference.host}/${reference.repository}@${top.digest}`;
  if (policy !== null) await requireSignature(target, { top, from }, policy);

  const { layers } = await readBuild(target, { top, from, platform });
  const layer = layers.find(({ mediaType }) => mediaType === mediaTypes.moduleLayer);
  if (layer === undefined) {
    const message = `expected a module in ${from}, found no layer of type ${mediaTypes.moduleLayer}`;
    throw new GantryError('artifact_invalid', message, { field: 'require' });
  }

  const { tar, texts } = await readLayer(target, layer);
  const manifest = parseManifestJson(tar.manifestJson);
  const records = [...texts].flatMap(([path, text]) =>
    // Other files may lie beside the records, such as lists of checksums.
    recordFile.test(path) && /^Package:/m.test(text) ? [readRecord(text, path)] : [],
  );
  refuseUnrecorded(records, { from, architecture, specs: manifest.package_spec });

  return {
    name: manifest.name,
    manifest,
    version: reference.tag ?? top.digest,
    digest: top.digest,
    locked: records.flatMap(({ deb }) => deb ?? []),
    specs: records.flatMap((one) => (one.deb ? [] : [`${one.name}=${one.version}`])),
    layer: readAccounts(tar, texts),
    ...(policy === null ? { unverified: from } : {}),
  };
}

async function requireSignature(
  { client, reference }: Target,
  { top, from }: { top: ManifestContent; from: string },
  policy: SignaturePolicy,
): Promise<void> {
  const [{ digest }, builds] = [top, listBuilds(top)];
  const found = await collectSignatures(client, reference.repository, digest, builds);
  const { verified, code, message } = verifyArtifact(digest, found, policy, builds);
  if (verified || code === 'verified') return;

  const text = `expected a trusted signature of the required module ${from}: ${message}`;
  throw new GantryError(code, text, { field: 'require', found: digest });
}

/** Reads the manifest of the build that serves the platform. */
async function readBuild(
  { client, reference }: Target,
  { top, from, platform }: { top: ManifestContent; from: string; platform: string },
): Promise<Manifest> {
  if (!signed(() => isIndex(top.bytes))) return signed(() => parseManifest(top.bytes));

  const children = new Map<string, Descriptor>();
  for (const child of signed(() => parseIndex(top.bytes)).manifests) {
    const name = platformOf(child);
    if (name !== null) children.set(name, child);
  }

  const built = [...children.keys()];
  const child = children.get(servingPlatform({ registered: [], built }, platform) ?? '');
  if (child === undefined) {
    const message = `expected a build for ${platform} in ${from}, found ${built.join(', ') || 'none'}`;
    throw new GantryError('platform_missing', message, { expected: platform, found: built });
  }

  const { digest, size } = child;
  const { bytes } = await client.getManifest(reference.repository, digest, { size });
  return signed(() => parseManifest(bytes));
}

const recordFile = /^\/var\/lib\/dpkg\/status\.d\/[^/]+$/;
const infoLists = /^\/var\/lib\/dpkg\/info\/[^/]+\.list$/;
const sysusersFiles = /^\/usr\/lib\/sysusers\.d\/00-gantry-[^/]+\.conf$/;

/** Reads the layer, and keeps the texts that say what it holds. */
async function readLayer(
  { client, reference }: Target,
  layer: Descriptor,
): Promise<{ tar: ModuleTar; texts: Map<string, string> }> {
  const texts = new Map<string, string>();
  let bytes = 0;

  const onFile = ({ path, size }: { path: string; size: number }): FileSink | undefined => {
    if (![recordFile, infoLists, sysusersFiles].some((pattern) => pattern.test(path)))
      return undefined;
    bytes += size;
    if (bytes > limits.layerRecordsBytesMax) throw recordsTooLarge();

    const chunks: Buffer[] = [];
    return {
      write: (chunk) => {
        chunks.push(Buffer.from(chunk));
      },
      end: () => {
        texts.set(path, Buffer.concat(chunks).toString('utf8'));
      },
    };
  };

  const source = client.getBlob(reference.repository, layer);
  const tar = await readModuleTar(source, { allowDevices: true, onFile });
  verifyModuleTar(tar);
  return { tar, texts };
}

function recordsTooLarge(): GantryError {
  const expected = limits.layerRecordsBytesMax;
  const message = `expected the records of packages in a layer to have at most ${expected} bytes, found more`;
  return new GantryError('artifact_invalid', message, { expected });
}

/** Homes that scripts made are the directories that no package ships. */
function readAccounts({ entries }: ModuleTar, texts: ReadonlyMap<string, string>): LayerAccounts {
  const of = (pattern: RegExp) =>
    [...texts].flatMap(([path, text]) => (pattern.test(path) ? [text] : []));
  const shipped = new Set(of(infoLists).flatMap((text) => text.split('\n')));

  return {
    sysusers: of(sysusersFiles),
    directories: new Map(
      entries.flatMap(({ path, type, mode }) =>
        type === 'directory' && path !== '/' && !shipped.has(path) ? [[path, mode]] : [],
      ),
    ),
  };
}

function refuseUnrecorded(
  records: readonly RecordedPackage[],
  { from, architecture, specs }: { from: string; architecture: string; specs: readonly string[] },
): void {
  if (specs.length > 0 && records.length === 0) {
    const message = `expected records of packages in ${recordsDirectory} of ${from}, found none; name a directory of its source with --require`;
    throw new GantryError('artifact_invalid', message, { field: 'require' });
  }

  const other = records.find((one) => ![architecture, 'all'].includes(one.architecture));
  if (other === undefined) return;
  const message = `expected packages for ${architecture} in ${from}, found ${other.name} for ${other.architecture}`;
  throw new GantryError('platform_missing', message, {
    expected: architecture,
    found: other.architecture,
  });
}
