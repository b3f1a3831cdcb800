import type { Route } from '../route.ts';
import { accountRoutes, categoryRoutes, memberRoutes, tokenRoutes } from './account.ts';
import { agentRoutes } from './agent.ts';
import { fleetRoutes } from './fleet.ts';
import { instanceRoutes } from './instance.ts';
import { moduleRoutes } from './module.ts';
import { approvalRoutes, operationRoutes, policyRoutes } from './operation.ts';
import { registryRoutes } from './registry.ts';
import { assignmentRoutes, templateRoutes } from './template.ts';
import { trustRoutes } from './trust.ts';
import { versionRoutes } from './version.ts';

/** Every route below `/api/v1`, in the order of the documentation. */
export const apiRoutes: readonly Route[] = [
  ...accountRoutes,
  ...memberRoutes,
  ...tokenRoutes,
  ...categoryRoutes,
  ...registryRoutes,
  ...moduleRoutes,
  ...versionRoutes,
  ...operationRoutes,
  ...approvalRoutes,
  ...policyRoutes,
  ...templateRoutes,
  ...assignmentRoutes,
  ...instanceRoutes,
  ...fleetRoutes,
  ...trustRoutes,
  ...agentRoutes,
];
