import { fail } from './fail.ts';
import { forgetDeployments } from './forget.ts';

try {
  forgetDeployments();
  process.stdout.write('Deleted the local deployments.\n');
} catch (error) {
  fail(error);
}
