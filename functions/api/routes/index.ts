import type { Route } from '../route.ts';
import { accountRoutes, categoryRoutes, tokenRoutes } from './accounts/account.ts';
import { trustRoutes } from './accounts/account-root.ts';
import { memberRoutes } from './accounts/member.ts';
import { agentRoutes } from './machines/agent.ts';
import { fleetRoutes } from './machines/fleet.ts';
import { instanceRoutes } from './machines/instance.ts';
import { moduleRoutes } from './modules/module.ts';
import { publicModuleRoutes } from './modules/public-module.ts';
import { versionRoutes } from './modules/version.ts';
import { historyRoutes } from './operations/history.ts';
import { approvalRoutes, operationRoutes, policyRoutes } from './operations/operation.ts';
import { registryRoutes } from './registries/registry.ts';
import { assignmentRoutes, templateRoutes } from './templates/template.ts';
import { warningRoutes } from './upkeep/warning.ts';

/** Every route below `/api/v1`, in the order of the documentation. */
export const apiRoutes: readonly Route[] = [
  ...accountRoutes,
  ...memberRoutes,
  ...tokenRoutes,
  ...categoryRoutes,
  ...registryRoutes,
  ...moduleRoutes,
  ...versionRoutes,
  ...publicModuleRoutes,
  ...operationRoutes,
  ...approvalRoutes,
  ...policyRoutes,
  ...historyRoutes,
  ...templateRoutes,
  ...assignmentRoutes,
  ...instanceRoutes,
  ...fleetRoutes,
  ...warningRoutes,
  ...trustRoutes,
  ...agentRoutes,
];
