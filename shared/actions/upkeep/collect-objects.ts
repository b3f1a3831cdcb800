import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { CollectMessage } from '../../contract/messages.ts';
import type { ObjectKind } from '../../contract/objects.ts';
import { tracks } from '../../domain/templates/index.ts';
import { eachAccount } from '../../store/accounts/index.ts';
import { eachCandidate } from '../../store/candidates/index.ts';
import { getComposition } from '../../store/compose/index.ts';
import { eachInstance } from '../../store/machines/index.ts';
import { eachModule, eachVersion } from '../../store/modules/index.ts';
import {
  deleteObjectVersions,
  listObjectVersions,
  objectKeys,
  objectPrefix,
} from '../../store/objects.ts';
import { eachTemplate } from '../../store/templates/index.ts';
import { objectsOf, readRecord } from '../compositions/index.ts';
import { enqueue, type Services } from '../context/index.ts';

/*
 * Why nothing is deleted that a row names, or is about to name:
 *
 * 1. A worker refreshes the age of an object before it names it: `putOnce`, or `renew`. So does a worker that removes a
 *    name which others may have read: a compose that replaces a template's composition.
 * 2. From there to the row that names it, or to the end of the reading, takes at most a function's time-out, which is
 *    far below `objectGraceSeconds - objectRenewSeconds`.
 * 3. The collector reads the rows after it fixed which versions are old. Refreshing an object after that makes a new
 *    version of it, and only versions that were listed as old are deleted.
 *
 * No lock is held and nothing is kept between runs: two concurrent runs do no harm, and a run that dies is repeated.
 */

/** Objects that are made and named together. */
interface Collectable {
  kinds: readonly ObjectKind[];
  /** Every S3 key of these kinds that the account's rows name. */
  named: (services: Services, account: string) => Promise<ReadonlySet<string>>;
}

const collectables: readonly Collectable[] = [
  { kinds: ['images', 'compositions'], named: namedByCompositions },
  { kinds: ['artifacts', 'file-indexes', 'evidence'], named: namedByVersions },
];

/** What a collection deleted. */
export interface Collected {
  objects: number;
  bytes: number;
}

/** Requests the collection of every account. @returns how many accounts there are */
export async function scheduleCollections(services: Services): Promise<number> {
  let accounts = 0;
  for await (const { slug } of eachAccount(services.db)) {
    await enqueue(services, 'collect', [{ account: slug }]);
    accounts += 1;
  }

  return accounts;
}

/**
 * Deletes the objects of an account that no row names and that are older than `objectGraceSeconds`.
 * A composition that is named and cannot be read ends it before anything is deleted: what is not
 * known to be unnamed stays.
 */
export async function collectObjects(
  services: Services,
  { account }: CollectMessage,
): Promise<Collected> {
  const collected: Collected = { objects: 0, bytes: 0 };
  const oldest = new Date(services.now().getTime() - limits.objectGraceSeconds * 1000);

  for (const { kinds, named } of collectables) {
    const names = await named(services, account);
    for (const kind of kinds) {
      for await (const page of listObjectVersions(services.objects, objectPrefix(account, kind))) {
        const unnamed = page.filter(({ key, modified }) => modified < oldest && !names.has(key));
        if (unnamed.length === 0) continue;

        await deleteObjectVersions(services.objects, unnamed);
        collected.objects += unnamed.length;
        collected.bytes += unnamed.reduce((sum, { size }) => sum + size, 0);
      }
    }
  }

  return collected;
}

/**
 * The objects of the compositions that templates are made of, and that signed desired states may
 * name.
 */
async function namedByCompositions(
  services: Services,
  account: string,
): Promise<ReadonlySet<string>> {
  const templates: string[] = [];
  for await (const { id } of eachTemplate(services.db, account)) templates.push(id);
  const reports = new Set<string>();

  await mapConcurrently(templates, limits.storeReadsAtOnce, async (id) => {
    for (const track of tracks) {
      const pointer = await getComposition(services.db, account, id, track);
      if (pointer !== null) reports.add(pointer.report_key);
    }
  });

  for await (const { state, desired_report_keys } of eachInstance(services.db, account)) {
    // The row of a decommissioned machine stays; its desired state need not.
    if (state === 'decommissioned') continue;
    for (const key of desired_report_keys) reports.add(key);
  }

  const names = new Set<string>();
  await mapConcurrently([...reports], limits.storeReadsAtOnce, async (report_key) => {
    for (const key of objectsOf(report_key, await readRecord(services, report_key))) names.add(key);
  });

  return names;
}

/**
 * What versions are made of, and the evidence by which a candidate may become one. Retired versions
 * are versions.
 */
async function namedByVersions(services: Services, account: string): Promise<ReadonlySet<string>> {
  const { db } = services;
  const names = new Set<string>();

  for await (const { name } of eachModule(db, account)) {
    for await (const { evidence_key } of eachCandidate(db, account, name)) {
      if (evidence_key !== null) names.add(evidence_key);
    }
    for await (const { digest, builds, evidence_key } of eachVersion(db, account, name)) {
      names.add(objectKeys.artifact(account, digest)).add(evidence_key);
      for (const { manifest_digest, layer_digest, file_index_key } of builds) {
        names
          .add(objectKeys.artifact(account, manifest_digest))
          .add(objectKeys.artifact(account, layer_digest));
        names.add(file_index_key);
      }
    }
  }

  return names;
}
