import { accountsLimits } from './accounts.ts';
import { artifactLimits } from './artifact.ts';
import { composeLimits } from './compose.ts';
import { composefsLimits } from './composefs.ts';
import { extensionsLimits } from './extensions.ts';
import { filesLimits } from './files.ts';
import { httpLimits } from './http.ts';
import { machinesLimits } from './machines.ts';
import { manifestLimits } from './manifest.ts';
import { operationsLimits } from './operations.ts';
import { pollLimits } from './poll.ts';
import { previewLimits } from './preview.ts';
import { reconcileLimits } from './reconcile.ts';
import { registriesLimits } from './registries.ts';
import { reverifyLimits } from './reverify.ts';
import { signaturesLimits } from './signatures.ts';
import { storeLimits } from './store.ts';
import { upkeepLimits } from './upkeep.ts';
import { verifyLimits } from './verify.ts';

/** Every limit, one file per area. The unit is in the name, the reason beside the value. */
export const limits = {
  ...artifactLimits,
  ...filesLimits,
  ...manifestLimits,
  ...composefsLimits,
  ...composeLimits,
  ...previewLimits,
  ...signaturesLimits,
  ...registriesLimits,
  ...pollLimits,
  ...verifyLimits,
  ...reverifyLimits,
  ...operationsLimits,
  ...reconcileLimits,
  ...accountsLimits,
  ...machinesLimits,
  ...extensionsLimits,
  ...upkeepLimits,
  ...httpLimits,
  ...storeLimits,
} as const;
