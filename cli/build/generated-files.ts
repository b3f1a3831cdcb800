import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type GantryError, isGantryError } from '../../shared/base/error.ts';
import { listSome } from '../../shared/base/list-some.ts';
import {
  ancestorPaths,
  compareBytes,
  plainDirectory,
  plainFile,
  type TreeEntry,
} from '../../shared/domain/files/index.ts';
import type { ModuleManifest } from '../../shared/domain/modules/index.ts';
import type { PathAttributes } from '../../shared/packages/index.ts';
import {
  type GeneratedLayer,
  generateLayer,
  listNeededFiles,
  listPrivileges,
} from '../../shared/units/index.ts';
import { readAttributes } from './attributes.ts';
import type { SourceEntry } from './rootfs.ts';

/** A file that machines get from the manifest. */
export interface GeneratedFile {
  path: string;
  text: string;
}

export interface GeneratedPreview {
  generated: GeneratedFile[];
  /** Why no machine would get the module; null if machines get it. */
  error: GantryError | null;
  warnings: string[];
}

const units = '/usr/lib/systemd/system/';
const rules = '/etc/sudoers.d/';
const people = ['/etc/passwd', '/etc/group'];

/**
 * The units, rules of sudo and users that machines get from a module alone, with what is wrong with
 * them. A service without a command counts as the unit of a package, if there are any.
 * @param rootfs where the module's own files are
 */
export async function previewGenerated(
  manifest: ModuleManifest,
  { rootfs, source, files }: { rootfs: string; source: SourceEntry[]; files: string[] },
): Promise<GeneratedPreview> {
  const shipped = shippedEntries(source, new Set(files));
  const entries = treeOf(shipped);
  const own = { account: 'own', module: manifest.name, manifest, entries };
  const layers = [{ ...own, version: '', parent_module: null }];
  const whole = treeOf([...shipped, ...packageUnits(manifest)]);
  const contents = new Map<string, Uint8Array>();
  for (const path of listNeededFiles({ entries: whole }))
    contents.set(path, await readFile(join(rootfs, path)));

  const sized = whole.map((one) => ({ ...one, size: contents.get(one.path)?.length ?? one.size }));
  const input = { account: 'own', layers, entries: sized };

  const attributed = withAttributes(entries, manifest, await readAttributes(dirname(rootfs)));
  const privileges = [
    ...listPrivileges([{ ...own, entries: attributed }]).map(
      ({ sentence }) => `${sentence} Machines get it by the policy module_assign_privileged`,
    ),
    ...warnOfRoot(manifest),
  ];
  try {
    const layer = generateLayer(input, (path) => contents.get(path) ?? new Uint8Array());
    const generated = shownFiles(layer, manifest);
    const found = await checkByTools(generated);
    return { generated, error: null, warnings: [...privileges, ...layer.warnings, ...found] };
  } catch (error) {
    if (!isGantryError(error)) throw error;
    return { generated: [], error, warnings: privileges };
  }
}

/** Only paths, types and targets count here, and the sizes of files that are read. */
function shippedEntries(source: readonly SourceEntry[], files: ReadonlySet<string>): TreeEntry[] {
  return source.flatMap(({ path, type, target = '' }) => {
    if (!files.has(path) || type === 'other') return [];
    return [{ ...plainFile, path, type, ...(type === 'symlink' ? { target } : {}) }];
  });
}

/**
 * Entries with the modes, owners and capabilities of `rootfs.attrs`. It may name files of packages
 * too. An owner whose number only a build knows counts as root.
 */
function withAttributes(
  entries: readonly TreeEntry[],
  { package_spec, users = [], groups = [] }: ModuleManifest,
  rows: readonly PathAttributes[],
): TreeEntry[] {
  const known = new Map(entries.map((entry) => [entry.path, entry]));
  const uidOf = (name: string) =>
    Number.parseInt(name, 10) || (users.find((one) => one.name === name)?.uid ?? 0);
  const gidOf = (name: string) =>
    Number.parseInt(name, 10) || (groups.find((one) => one.name === name)?.gid ?? 0);

  for (const { path, mode, owner, group, xattrs } of rows) {
    const entry = known.get(path);
    // Of a path of packages alone it is unknown whether it is a file. Only files have these.
    const isFile = xattrs !== undefined || ((mode ?? 0) & 0o4000) !== 0;
    if (entry === undefined && (package_spec.length === 0 || !isFile)) continue;

    const { uid, gid, ...rest } = entry ?? { ...plainFile, path };
    known.set(path, {
      ...rest,
      mode: mode ?? rest.mode,
      uid: owner === undefined ? uid : uidOf(owner),
      gid: group === undefined ? gid : gidOf(group),
      ...(xattrs === undefined ? {} : { xattrs }),
    });
  }

  return [...known.values()];
}

/** Nothing of a machine's files is closed to root, even without any capability. */
function warnOfRoot({ services = [] }: ModuleManifest): string[] {
  const names = services
    .filter(({ start_command, user }) => start_command !== undefined && user === undefined)
    .map(({ name }) => name);
  if (names.length === 0) return [];
  return [`Services without user run as root: ${listSome(names)}. Name a user where you can`];
}

/** The units that packages bring for services without a command. */
function packageUnits({ package_spec, services = [] }: ModuleManifest): TreeEntry[] {
  if (package_spec.length === 0) return [];
  return services
    .filter(({ start_command, unit_body }) => (start_command ?? unit_body) === undefined)
    .map(({ name }) => ({ ...plainFile, path: `${units}${name}.service` }));
}

/** A tree of entries with the directories above them. Of two with one path the first counts. */
function treeOf(entries: readonly TreeEntry[]): TreeEntry[] {
  const tree = new Map<string, TreeEntry>();
  const add = (entry: TreeEntry) => tree.has(entry.path) || tree.set(entry.path, entry);

  add({ ...plainDirectory, path: '/' });
  for (const entry of entries) add(entry);
  for (const { path } of entries)
    for (const above of ancestorPaths(path)) add({ ...plainDirectory, path: above });

  return [...tree.values()].sort((a, b) => compareBytes(a.path, b.path));
}

/** Small files have their content in the entry, others apart. */
function shownFiles(
  { entries, contents }: GeneratedLayer,
  manifest: ModuleManifest,
): GeneratedFile[] {
  const hasPeople = (manifest.users ?? []).length + (manifest.groups ?? []).length > 0;
  return entries
    .filter(
      ({ path, type }) =>
        type === 'file' &&
        (path.startsWith(units) || path.startsWith(rules) || (hasPeople && people.includes(path))),
    )
    .map(({ path, content = '' }) => {
      const bytes = contents.get(path) ?? Buffer.from(content, 'base64');
      return { path, text: Buffer.from(bytes).toString('utf8') };
    });
}

/** What systemd-analyze and visudo say, where they are installed. */
async function checkByTools(files: readonly GeneratedFile[]): Promise<string[]> {
  const own = files.filter(({ path }) => path.startsWith(units) || path.startsWith(rules));
  if (own.length === 0) return [];

  const directory = await mkdtemp(join(tmpdir(), 'gantry-units-'));
  try {
    for (const { path, text } of own) {
      const place = join(directory, checkedName(path));
      await mkdir(dirname(place), { recursive: true });
      // systemd-analyze takes ":" in the name of a file for the start of an alias.
      const isRule = path.startsWith(rules);
      const checked = isRule ? text : text.replaceAll(/gantry-\S+/g, withoutColons);
      await writeFile(place, checked, { mode: 0o440 });
    }

    return [...(await verifyUnits(directory, own)), ...(await verifyRules(directory, own))];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function withoutColons(text: string): string {
  return text.replaceAll(':', '_');
}

function checkedName(path: string): string {
  return withoutColons(path.startsWith(units) ? path.slice(units.length) : basename(path));
}

async function verifyUnits(directory: string, files: readonly GeneratedFile[]): Promise<string[]> {
  const names = files.map(({ path }) => path).filter((path) => path.endsWith('.service'));
  if (names.length === 0) return [];

  const places = names.map((path) => join(directory, checkedName(path)));
  const env = { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:` };
  const said = await output('systemd-analyze', ['verify', '--man=no', ...places], env);
  // This machine lacks the module's commands, and has units that are not the module's.
  return said
    .filter((line) => line.includes('gantry-') && !/ is not executable: /.test(line))
    .map((line) => `systemd-analyze: ${line.replaceAll(`${directory}/`, '')}`);
}

async function verifyRules(directory: string, files: readonly GeneratedFile[]): Promise<string[]> {
  const said: string[] = [];
  for (const { path } of files.filter((one) => one.path.startsWith(rules))) {
    const lines = await output('visudo', ['-c', '-f', join(directory, checkedName(path))]);
    said.push(...lines.map((line) => `visudo: ${line.replaceAll(`${directory}/`, '')}`));
  }

  return said;
}

/** The lines of a tool that found something wrong; none if it is not installed. */
async function output(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  const path = [env.PATH, '/usr/sbin'].filter(Boolean).join(':');
  const options = { env: { ...env, PATH: path }, timeout: 30_000 };
  try {
    await promisify(execFile)(command, args, options);
    return [];
  } catch (error) {
    const failed = error as { code?: string; stdout?: string; stderr?: string };
    const { code, stdout = '', stderr = '' } = failed;
    if (code === 'ENOENT') return [];
    return `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  }
}
