import { z } from 'zod';
import {
  accountSchema,
  createAccountAnswer,
  createTokenAnswer,
  memberSchema,
  tokenSchema,
  trustAnswer,
} from '../../shared/contract/accounts/index.ts';
import { pageOf } from '../../shared/contract/http/index.ts';
import {
  createInstanceAnswer,
  driftAnswer,
  fleetAnswer,
  instanceAnswer,
  instanceSchema,
  joinTokenAnswer,
  machinesAnswer,
  moduleTemplatesAnswer,
} from '../../shared/contract/machines/index.ts';
import {
  categorySchema,
  explainAnswer,
  listedModuleSchema,
  moduleAnswer,
  moduleSchema,
  validateManifestAnswer,
  versionAnswer,
  versionsAnswer,
} from '../../shared/contract/modules/index.ts';
import {
  approvalAnswer,
  approvalSchema,
  operationAnswer,
  operationSchema,
  policySchema,
  showApprovalAnswer,
} from '../../shared/contract/operations/index.ts';
import { previewAnswer, whyAnswer } from '../../shared/contract/preview/index.ts';
import {
  createHookAnswer,
  hookSchema,
  registrySchema,
} from '../../shared/contract/registries/index.ts';
import {
  assignAnswer,
  compositionAnswer,
  templateAnswer,
  templateSchema,
} from '../../shared/contract/templates/index.ts';

/** The schemas of the responses of the HTTP API. */
export const responses = {
  explanation: explainAnswer,
  account: z.object({ account: accountSchema }),
  newAccount: createAccountAnswer,
  members: pageOf('members', memberSchema),
  member: z.object({ member: memberSchema }),
  tokens: pageOf('tokens', tokenSchema),
  newToken: createTokenAnswer,
  categories: pageOf('categories', categorySchema),
  category: z.object({ category: categorySchema }),
  registries: pageOf('registries', registrySchema),
  registry: z.object({ registry: registrySchema }),
  hooks: pageOf('hooks', hookSchema),
  newHook: createHookAnswer,
  modules: pageOf('modules', listedModuleSchema),
  module: moduleAnswer,
  registered: z.object({ module: moduleSchema }),
  validated: validateManifestAnswer,
  polled: z.object({ module: z.string() }),
  versions: versionsAnswer,
  version: versionAnswer,
  operations: pageOf('operations', operationSchema),
  operation: operationAnswer,
  approvals: pageOf('approvals', approvalSchema),
  approval: approvalAnswer,
  shownApproval: showApprovalAnswer,
  policies: z.object({ policies: z.array(policySchema) }),
  templates: pageOf('templates', templateSchema),
  template: templateAnswer,
  newTemplate: z.object({ template: templateSchema }),
  composition: compositionAnswer,
  preview: previewAnswer,
  why: whyAnswer,
  assigned: assignAnswer,
  instances: pageOf('instances', instanceSchema),
  instance: instanceAnswer,
  newInstance: createInstanceAnswer,
  joinToken: joinTokenAnswer,
  drift: driftAnswer,
  fleet: fleetAnswer,
  machines: machinesAnswer,
  moduleTemplates: moduleTemplatesAnswer,
  trust: trustAnswer,
  nothing: z.undefined(),
};
