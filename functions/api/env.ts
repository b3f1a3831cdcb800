import type { Context } from 'aws-lambda';
import type { Services } from '../../shared/actions/context/index.ts';
import type { AgentCaller } from '../../shared/actions/machines/index.ts';
import type { Caller } from '../../shared/domain/accounts/index.ts';

/** The variables of a request in the context of hono. */
export interface ApiEnv {
  Variables: {
    services: Services;
    requestId: string;
    /** Set by the route's access check; absent on public routes. */
    caller?: Caller;
    agent?: AgentCaller;
    /** The bearer token as sent. It seals the stored responses of idempotent requests. */
    bearer?: string;
  };
  Bindings: { requestContext?: { requestId?: string }; lambdaContext?: Context };
}
