export {
  guardedDownload,
  type RegistrySession,
  retryAfterSeconds,
  withRegistry,
} from './access.ts';
export { forgetCredentials, registryCredentials, registrySecretName } from './credentials.ts';
export { BudgetSpent, orLater, untilSentAgain, withinBudget } from './host-budget.ts';
export { findIndexOf } from './index-builds.ts';
export { forgetRegistryLogin, storeRegistryLogin } from './login.ts';
export { createHook, hookSecretName, hookUrl, removeHook } from './webhooks.ts';
