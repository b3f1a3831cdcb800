import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import {
  accountsScript,
  assignIds,
  describeAccounts,
  dynamicAccounts,
  type IdTable,
  type LockedAccounts,
  type LockedPackage,
  type LockSection,
  misplacedAccounts,
} from '../../../shared/packages/index.ts';
import { type BuiltTree, buildTree } from './build-tree.ts';
import type { DebCache } from './deb-cache.ts';
import { diskError } from './disk-error.ts';
import { makeLocalArchive } from './local-archive.ts';
import { accountsOf, readFacts, type TreeFacts, treeFactsSchema } from './tree-facts.ts';

/** Part of the name of a cached base; another number makes all bases again. */
const baseFormat = 1;

export interface TreesInput {
  section: LockSection;
  ids: IdTable;
  work: string;
  cache: { directory: string; debs: DebCache };
  onStep: (step: string) => void;
}

export interface Trees {
  /** Undefined for a module whose required modules have no packages. */
  base: TreeFacts | undefined;
  full: TreeFacts;
  /** Has the content of `full`. */
  tree: BuiltTree;
  /** Of the full tree, for the lock. */
  accounts: LockedAccounts;
  ids: IdTable;
  /** Accounts that have another id than the table gives them. */
  misplaced: string[];
}

/**
 * Makes the tree of the required modules' packages, or takes it from the cache, and the tree with
 * the module's own packages. A tree is made again when its scripts made users whose ids were not
 * known before.
 */
export async function makeTrees(input: TreesInput): Promise<Trees> {
  const { section } = input;
  const base = section.base.length === 0 ? undefined : await makeBase(input);
  const ids = base?.ids ?? input.ids;

  let tree: BuiltTree | undefined;
  const isKnown = section.accounts.users.length + section.accounts.groups.length > 0;
  const known = isKnown ? section.accounts : asBase(base?.accounts);
  const full = await settleAccounts(known, ids, base?.facts, async (script, attempt) => {
    const directory = join(input.work, `full-${attempt}`);
    tree = await makeTree({ ...input, debs: section.packages, script, directory });
    return readFacts(tree);
  });

  return { ...full, base: base?.facts, full: full.facts, tree: tree as BuiltTree };
}

/** The accounts of the base, which the full tree has too. */
function asBase(accounts: LockedAccounts = { users: [], groups: [] }): LockedAccounts {
  return {
    users: accounts.users.map((one) => ({ ...one, base: true })),
    groups: accounts.groups.map((one) => ({ ...one, base: true })),
  };
}

interface Settled {
  facts: TreeFacts;
  accounts: LockedAccounts;
  ids: IdTable;
  misplaced: string[];
}

async function makeBase(input: TreesInput): Promise<Settled> {
  const { users, groups } = input.section.accounts;
  const accounts = {
    users: users.filter(({ base }) => base),
    groups: groups.filter(({ base }) => base),
  };

  return settleAccounts(accounts, input.ids, undefined, (script, attempt) =>
    cachedFacts(input, script, async () => {
      const directory = join(input.work, `base-${attempt}`);
      const tree = await makeTree({ ...input, debs: input.section.base, script, directory });
      const facts = await readFacts(tree);
      await rm(tree.tar);
      return facts;
    }),
  );
}

/** Makes a tree, and once more with the users that its scripts made, under the table's ids. */
async function settleAccounts(
  known: LockedAccounts,
  table: IdTable,
  base: TreeFacts | undefined,
  make: (script: string, attempt: number) => Promise<TreeFacts>,
): Promise<Settled> {
  let [accounts, ids] = [known, table];

  for (let attempt = 1; ; attempt++) {
    const facts = await make(accountsScript(accounts, ids), attempt);
    const made = dynamicAccounts(accountsOf(facts));
    const names = {
      users: made.users.map(({ name }) => name),
      groups: made.groups.map(({ name }) => name),
    };

    ids = assignIds(ids, names);
    accounts = describe(facts, base);
    const misplaced = misplacedAccounts(made, ids);
    if (misplaced.length === 0 || attempt === 2) return { facts, accounts, ids, misplaced };
  }
}

function describe(facts: TreeFacts, base: TreeFacts | undefined): LockedAccounts {
  const known = base === undefined ? { users: [], groups: [] } : accountsOf(base);
  const names = {
    users: new Set(known.users.map(({ name }) => name)),
    groups: new Set(known.groups.map(({ name }) => name)),
  };
  const shipped = new Set(Object.values(facts.shipped).flat());
  return describeAccounts(accountsOf(facts), names, { entries: facts.entries, shipped });
}

async function makeTree(
  input: TreesInput & { debs: readonly LockedPackage[]; script: string; directory: string },
): Promise<BuiltTree> {
  const { suite, architecture, epoch } = input.section;
  const archive = join(input.directory, 'archive');
  await mkdir(archive, { recursive: true });
  await makeLocalArchive(archive, input.debs, { cache: input.cache.debs, suite, architecture });

  return buildTree({
    directory: input.directory,
    archive,
    debs: input.debs,
    architecture,
    suite,
    epoch,
    accountsScript: input.script,
    onStep: input.onStep,
  });
}

/** Facts of a damaged cache are made again. */
function parseFacts(bytes: Buffer): TreeFacts | undefined {
  try {
    return treeFactsSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps the facts of a base tree under the digest of everything that it is made from. */
async function cachedFacts(
  { section, cache }: TreesInput,
  script: string,
  make: () => Promise<TreeFacts>,
): Promise<TreeFacts> {
  const { suite, architecture, epoch, base } = section;
  const debs = base.map(({ name, sha256 }) => [name, sha256]);
  const inputs = JSON.stringify({ baseFormat, suite, architecture, epoch, debs, script });
  const name = createHash('sha256').update(inputs).digest('hex');
  const path = join(cache.directory, 'bases', `${name}.json.gz`);

  const known = await readFile(path).catch(() => undefined);
  const kept = known && (await promisify(gunzip)(known).then(parseFacts, () => undefined));
  if (kept) return kept;

  const facts = await make();
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, await promisify(gzip)(JSON.stringify(facts), { level: 1 }));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, dirname(path));
  }
  return facts;
}
