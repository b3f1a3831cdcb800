import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../shared/actions/ingest/index.ts';
import { ingestMessage } from '../../shared/contract/messages.ts';

// A worker of its own process, for tests that kill it: `ingest-once.ts <message>
// [die-before-commit]`.
const [, , message = '', how] = process.argv;
const services = servicesFromEnvironment();
services.settings.allowedPrivateHosts = ['127.0.0.1'];

if (how === 'die-before-commit') {
  services.db.client.middlewareStack.add(
    (next) => async (args) => {
      if ('TransactItems' in args.input) process.kill(process.pid, 'SIGKILL');
      return next(args);
    },
    { step: 'initialize', name: TransactWriteCommand.name },
  );
}
await ingestCandidate(services, ingestMessage.parse(JSON.parse(message)));
