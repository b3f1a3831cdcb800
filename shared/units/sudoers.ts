import { GantryError } from '../base/error.ts';
import type { ManifestSudo } from '../domain/modules/index.ts';
import { layerName, type UnitInput, type UnitLayer } from './input.ts';
import { sudoersPrefix } from './names.ts';
import { isPlainPath } from './quote.ts';
import type { Drawing, Root } from './root.ts';

/** The tags of sudoers(5), "Tag_Spec". */
const tags: ReadonlySet<string> = new Set(
  ['EXEC', 'FOLLOW', 'INTERCEPT', 'LOG_INPUT', 'LOG_OUTPUT', 'MAIL', 'PASSWD', 'SETENV'].flatMap(
    (tag) => [tag, `NO${tag}`],
  ),
);

/** A user, `%group`, `#uid`, `%#gid`, or everybody. */
const who = /^(?:%?[A-Za-z0-9_][A-Za-z0-9_.-]*\$?|%?#\d+|ALL)$/;

/** A file name holds 255 bytes; ids may be longer. */
const nameLengthMax = 200;

/**
 * Adds a file of rules for each entry of `sudoers` (sudoers(5)), one file an entry. Only root reads
 * them.
 * @throws GantryError `sudo_invalid` for an entry that visudo would refuse
 */
export function addSudoers(
  { account, layers }: Pick<UnitInput, 'account' | 'layers'>,
  { root, drawing, warnings }: { root: Root; drawing: Drawing; warnings: string[] },
): void {
  for (const layer of layers) {
    for (const entry of layer.manifest.sudoers ?? []) {
      const path = fileOf(account, layer, entry.id);
      drawing.addFile(path, formatSudo(entry, layerName(layer)), { mode: 0o440 });
      if (root.get('/etc/sudoers') === undefined)
        warnings.push(`${layerName(layer)} has rules of sudo, and the root has no /etc/sudoers`);
    }
  }
}

/** sudo skips files whose name has a "." or ends in "~", so such characters are written as hex. */
function fileOf(account: string, layer: UnitLayer, id: string): string {
  const owner = layer.account === account ? '' : `${encodeName(layer.account)}_3a`;
  const name = `${owner}${encodeName(layer.module)}-${encodeName(id)}`;
  if (name.length <= nameLengthMax) return sudoersPrefix + name;
  throw sudoInvalidError(
    `expected the id of an entry of ${layerName(layer)} to be shorter: its file name may have ${nameLengthMax} characters, found ${name.length}`,
  );
}

function encodeName(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

function formatSudo(entry: ManifestSudo, module: string): string {
  const place = `the entry ${JSON.stringify(entry.id)} of sudoers of ${module}`;
  const user = requireWho(entry.user, `the user of ${place}`);
  if (entry.commands.length === 0)
    throw sudoInvalidError(`expected ${place} to name commands, found none`);

  const flags = (entry.flags ?? []).map((flag) => `${requireTag(flag, place)}:`);
  const commands = entry.commands.map((command) => formatCommand(command, place)).join(', ');
  const rule = [`${user} ALL=${runsAs(entry, place)}`, ...flags, commands].join(' ');
  return `# Made by Gantry from the manifest of ${module}. Changes are lost.\n${rule}\n`;
}

/** Without any, the commands run as root. */
function runsAs({ runas, runas_user, runas_group }: ManifestSudo, place: string): string {
  const [ofRunas, groupOfRunas] = (runas ?? '').split(':');
  const user = runas_user ?? (ofRunas === '' ? undefined : ofRunas);
  const group = runas_group ?? groupOfRunas;
  if (user === undefined && group === undefined) return '(root)';

  const shown = user === undefined ? '' : requireWho(user, `runas of ${place}`);
  return group === undefined
    ? `(${shown})`
    : `(${shown}:${requireGroup(group, `runas_group of ${place}`)})`;
}

function requireWho(text: string, place: string): string {
  if (who.test(text)) return text;
  throw sudoInvalidError(
    `expected ${place} to be a name, %group, #number or ALL, found ${JSON.stringify(text)}`,
  );
}

function requireGroup(text: string, place: string): string {
  if (who.test(text) && !text.startsWith('%')) return text;
  throw sudoInvalidError(
    `expected ${place} to be the name of a group, #number or ALL, found ${JSON.stringify(text)}`,
  );
}

function requireTag(flag: string, place: string): string {
  const tag = flag.replace(/:$/, '').toUpperCase();
  if (tags.has(tag)) return tag;
  throw sudoInvalidError(
    `expected flags of ${place} to be tags of sudo such as NOPASSWD, found ${JSON.stringify(flag)}`,
  );
}

/** Paths of commands and directories, with the wildcards of sudo. */
const plainPath = /^\/[\p{L}\p{N}._+@%*?/,:=~-]+$/u;

/**
 * A command with its arguments. Characters that mean something in sudoers are escaped, unless the
 * author did. Quotes, and regular expressions from "^" to "$", are refused.
 */
function formatCommand(command: string, place: string): string {
  const text = command.trim();
  if (text === 'ALL') return text;

  const [first = '', ...rest] = text.split(/\s+/);
  const isEdit = first === 'sudoedit';
  const [path = '', ...args] = isEdit ? rest : [first, ...rest];
  const isWhole = plainPath.test(path) && isPlainPath(path.replace(/\/$/, ''));
  // `""` means no arguments, so it stands alone. A directory has none.
  const isBare = args.length === 1 && args[0] === '""';
  const isOdd = args.some((arg) => /^\^|["']/.test(arg)) && !isBare;
  if (!isWhole || isOdd || (path.endsWith('/') && args.length > 0) || /\p{Cc}/u.test(text)) {
    throw commandError(command, place, 'to be an absolute path with its arguments, or ALL');
  }

  const words = [path, ...args].map((word) =>
    escapeWord(word, () => commandError(command, place, escapes)),
  );
  return [...(isEdit ? [first] : []), ...words].join(' ');
}

const escapes =
  'to have a backslash before ",", ":", "=", "#", "!", "*", "?", "[", "]" and "\\" only';

function escapeWord(word: string, wrong: () => GantryError): string {
  return word.replaceAll(/\\.?|[,:=#!]/gu, (one) => {
    if (!one.startsWith('\\')) return `\\${one}`;
    if (/^\\[,:=#!*?[\]\\]$/.test(one)) return one;
    throw wrong();
  });
}

function commandError(command: string, place: string, expected: string): GantryError {
  return sudoInvalidError(
    `expected each command of ${place} ${expected}, found ${JSON.stringify(command)}`,
  );
}

function sudoInvalidError(message: string): GantryError {
  return new GantryError('sudo_invalid', message);
}
