import { inject } from 'vitest';
import { environmentOf } from '../../scripts/admin-token.ts';
import { cloudEnvironment } from '../../scripts/local-cloud.ts';

// Clients and services that tests build reach the test's stack as its deployer.
const { endpoint, outputs } = inject('stack');
Object.assign(process.env, cloudEnvironment(endpoint), environmentOf(outputs), {
  // As the local deployment lists it: registries of tests are on this machine.
  ALLOWED_PRIVATE_HOSTS: '127.0.0.1,localhost,::1',
});
