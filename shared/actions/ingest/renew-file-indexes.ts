import { contentsInOrder, OutsideBytes } from '../../artifact/index.ts';
import { limits } from '../../base/limits/index.ts';
import { sample } from '../../base/sample.ts';
import type { IngestMessage } from '../../contract/messages.ts';
import type { Version, VersionBuild } from '../../domain/modules/index.ts';
import { verifyStream } from '../../registry/index.ts';
import { eachAccount } from '../../store/accounts/index.ts';
import { eachBuiltVersion, eachModule, getVersion, saveBuilds } from '../../store/modules/index.ts';
import { getStream, objectKeys } from '../../store/objects.ts';
import { transactUnlessRaced } from '../../store/table/index.ts';
import { enqueue, type Services } from '../context/index.ts';
import { layerEntries } from '../files/index.ts';
import { readToEnd } from './read-to-end.ts';
import { storeFileIndex } from './store-file-index.ts';

/**
 * Sends versions whose file indexes have an older format to the queue of ingest, at most
 * `indexRenewalsMax` in one run. Returns their number. Chance chooses among more: versions whose
 * indexes cannot be renewed come again in each run, and must not keep others waiting forever.
 */
export async function scheduleIndexRenewals(services: Services): Promise<number> {
  const messages = await sample(listOutdated(services), limits.indexRenewalsMax);
  await enqueue(services, 'ingest', messages);
  return messages.length;
}

async function* listOutdated({ db }: Services): AsyncGenerator<IngestMessage> {
  for await (const { slug: account } of eachAccount(db)) {
    for await (const { name: module } of eachModule(db, account)) {
      for await (const { id, builds } of eachBuiltVersion(db, account, module)) {
        if (builds.some((build) => isOutdated(account, build)))
          yield { account, module, version_id: id, reindex: true };
      }
    }
  }
}

/**
 * Writes the file indexes of a version again, in the present format and from the stored layers, and
 * has the version name them. The old ones are collected later. Where the version changes meanwhile,
 * the next run of the schedule does the same work.
 *
 * @returns the outcome, for the log
 * @throws GantryError `io_error` or `blob_…` for an index or a layer that is not the one that was
 * ingested
 */
export async function renewFileIndexes(
  services: Services,
  { account, version_id }: IngestMessage,
): Promise<string> {
  const version = await getVersion(services.db, account, version_id);
  if (version === null) return 'unknown';
  if (!version.builds.some((build) => isOutdated(account, build))) return 'settled';

  const builds = await renewBuilds(services, version);
  const saved = await transactUnlessRaced(services.db, [saveBuilds(version, builds)]);
  return saved ? 'renewed' : 'raced';
}

function isOutdated(account: string, { layer_digest, file_index_key }: VersionBuild): boolean {
  return file_index_key !== objectKeys.fileIndex(account, layer_digest);
}

async function renewBuilds(
  services: Services,
  { account, builds }: Version,
): Promise<VersionBuild[]> {
  const renewed: VersionBuild[] = [];

  for (const build of builds) {
    const { layer_digest: digest, layer_size: size } = build;
    const entries = await layerEntries(services, build);
    const outside = new OutsideBytes(contentsInOrder(entries));
    const tar = await getStream(services.objects, objectKeys.artifact(account, digest));
    await readToEnd(outside.through(verifyStream(tar, { digest, size })));

    const index = { account, layer: { digest }, entries, outside: await outside.finish() };
    renewed.push({ ...build, file_index_key: await storeFileIndex(services, index) });
  }

  return renewed;
}
