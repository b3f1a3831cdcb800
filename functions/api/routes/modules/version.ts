import {
  diffVersions,
  listAttestations,
  readSbom,
  requireVersion,
} from '../../../../shared/actions/modules/index.ts';
import {
  promoteVersion,
  readWithholders,
  withholdVersion,
} from '../../../../shared/actions/operations/index.ts';
import {
  attestationsAnswer,
  diffParams,
  diffQuery,
  promoteBody,
  sbomAnswer,
  sbomQuery,
  versionAnswer,
  versionDiffAnswer,
  versionParams,
  withholdBody,
} from '../../../../shared/contract/modules/index.ts';
import { operationAnswer } from '../../../../shared/contract/operations/index.ts';
import { getModule } from '../../../../shared/store/modules/index.ts';
import { create, type Route, route } from '../../route.ts';
import { versionView } from '../../views.ts';

const withholdings = [
  { verb: 'yank', role: 'author or operator', summary: 'Withdraw a version' },
  { verb: 'unyank', role: 'author or operator', summary: 'Take the withdrawal of a version back' },
  { verb: 'quarantine', role: 'operator', summary: 'Quarantine a version by hand' },
  {
    verb: 'release',
    role: 'operator',
    summary: 'Lift the quarantine by hand or the hold of a rollback from a version',
  },
] as const;

export const versionRoutes: Route[] = [
  route({
    method: 'get',
    path: '/versions/{id}',
    role: 'viewer',
    tag: 'versions',
    summary: 'Get a version with its builds, manifest and signatures',
    params: versionParams,
    answer: versionAnswer,
    async handle({ services, caller, params }) {
      const version = await requireVersion(services, caller.account, params.id);
      const [nameOf, module] = await Promise.all([
        readWithholders(services, [version]),
        getModule(services.db, version.account, version.module),
      ]);
      return { version: versionView(version, nameOf, module) };
    },
  }),
  route({
    method: 'get',
    path: '/versions/{id}/diff/{other}',
    role: 'viewer',
    tag: 'versions',
    summary: 'Compare a version with another one of its module',
    description: 'Files with their attributes, packages, manifest and sizes of one build of each.',
    params: diffParams,
    query: diffQuery,
    answer: versionDiffAnswer,
    handle: ({ services, caller: { account }, params: { id, other }, query }) =>
      diffVersions(services, account, { from: id, to: other, ...query }),
  }),
  route({
    method: 'get',
    path: '/versions/{id}/attestations',
    role: 'viewer',
    tag: 'versions',
    summary: 'List the SBOMs, provenance and VEX of a version',
    description:
      'Verified attestations with their signers, and documents in layers of the artifact. Each has a URL that reads it.',
    params: versionParams,
    answer: attestationsAnswer,
    secret: true,
    handle: async ({ services, caller: { account }, params: { id } }) => ({
      attestations: await listAttestations(services, account, id),
    }),
  }),
  route({
    method: 'get',
    path: '/versions/{id}/sbom',
    role: 'viewer',
    tag: 'versions',
    summary: 'Get the SBOM of a version',
    description:
      'The document as its author wrote it: an attested one, else one in a layer of the artifact.',
    params: versionParams,
    query: sbomQuery,
    answer: sbomAnswer,
    handle: ({ services, caller: { account }, params: { id }, query: { platform } }) =>
      readSbom(services, account, { id, platform: platform ?? null }),
  }),
  create({
    path: '/versions/{id}/promote',
    role: 'operator',
    tag: 'versions',
    summary: 'Request the promotion of a version',
    description:
      'The states are built → staging → blessed → live; a request may skip states. `staging` to `built` undoes, any to `retired` retires, `retired` to `built` restores. `draft` means `built`, `archived` means `retired`. A version that compositions use and that no other version can replace is only retired with `withdraw`.',
    status: 202,
    params: versionParams,
    body: promoteBody,
    answer: operationAnswer,
    handle: ({ services, caller, params, body }) =>
      promoteVersion(services, caller, { id: params.id, ...body }),
    view: (operation) => ({ operation }),
  }),
  ...withholdings.map(({ verb, role, summary }) =>
    create({
      path: `/versions/{id}/${verb}`,
      role,
      tag: 'versions',
      summary,
      status: 202,
      params: versionParams,
      body: withholdBody,
      answer: operationAnswer,
      handle: ({ services, caller, params, body }) => {
        const input = { kind: `version_${verb}` as const, version_id: params.id, ...body };
        return withholdVersion(services, caller, input);
      },
      view: (operation) => ({ operation }),
    }),
  ),
];
