import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { CollectMessage } from '../../contract/messages.ts';
import type { ObjectKind } from '../../contract/objects.ts';
import type { Version } from '../../domain/modules/index.ts';
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
 * Why no object is deleted that a row names, or will name:
 *
 * 1. Code that will name an object makes it young first: `putByDigest`, or `refreshAge`. So does
 *    code that removes a name that others may have read: a compose that replaces a template's
 *    composition.
 * 2. From there to the row that names it, or to the end of the reading, takes at most the time-out
 *    of a function, which is far below `objectGraceSeconds - objectRenewSeconds`.
 * 3. The collector reads the rows after it fixed the age that counts as old. Making an object young
 *    later makes a new version of it, and the collector deletes only the versions that it listed as
 *    old.
 *
 * No lock is held and nothing is kept between runs: two concurrent runs do no harm, and a run that
 * dies is repeated.
 */

/** Objects that are made and named together. */
interface Collectable {
  kinds: readonly ObjectKind[];
  /** Every S3 key of these kinds that the account's rows name. */
  named: (services: Services, account: string) => Promise<ReadonlySet<string>>;
}

const collectables: readonly Collectable[] = [
  { kinds: ['images', 'compositions'], named: namedByCompositions },
  {
    kinds: ['artifacts', 'file-indexes', 'stored-signatures', 'documents'],
    named: namedByVersions,
  },
];

/** The result of a collection. */
export interface Collected {
  objects: number;
  bytes: number;
}

/** Sends every account to the queue of collect. Returns the number of accounts. */
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
 * A named composition that cannot be read stops it before it deletes anything, because only objects
 * that are certainly unnamed may be deleted.
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
 * The objects of the templates' compositions, and of the compositions that signed desired states
 * may name.
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
    // The row of a decommissioned machine stays, but the objects of its desired state may be
    // deleted.
    if (state === 'decommissioned') continue;
    for (const key of desired_report_keys) reports.add(key);
  }

  const names = new Set<string>();
  await mapConcurrently([...reports], limits.storeReadsAtOnce, async (report_key) => {
    for (const key of objectsOf(report_key, await readRecord(services, report_key))) names.add(key);
  });

  return names;
}

/** The objects of versions, retired ones too, and the stored signatures of candidates. */
async function namedByVersions(services: Services, account: string): Promise<ReadonlySet<string>> {
  const { db } = services;
  const names = new Set<string>();

  for await (const { name } of eachModule(db, account)) {
    for await (const candidate of eachCandidate(db, account, name)) {
      if (candidate.stored_signatures_key !== null) names.add(candidate.stored_signatures_key);
      for (const key of documentsOf(account, candidate)) names.add(key);
    }
    for await (const version of eachVersion(db, account, name)) {
      for (const key of objectsOfVersion(account, version)) names.add(key);
    }
  }

  return names;
}

function objectsOfVersion(account: string, version: Version): string[] {
  return [
    objectKeys.artifact(account, version.digest),
    version.stored_signatures_key,
    ...documentsOf(account, version),
    ...version.builds.flatMap(({ manifest_digest, layer_digest, file_index_key }) => [
      objectKeys.artifact(account, manifest_digest),
      objectKeys.artifact(account, layer_digest),
      file_index_key,
    ]),
  ];
}

/** The documents that attestations and side layers of a version or a candidate name. */
function documentsOf(
  account: string,
  { signatures, side_layers = [] }: Pick<Version, 'signatures' | 'side_layers'>,
): string[] {
  const attested = signatures.flatMap(({ attestation }) => attestation?.document?.digest ?? []);
  const digests = [...attested, ...side_layers.map(({ digest }) => digest)];
  return digests.map((digest) => objectKeys.document(account, digest));
}
