export type { Messages } from '../../contract/queues.ts';
export { commit, keepAs, withoutKeep } from './commit.ts';
export { faultOf } from './fault.ts';
export { servicesFromEnvironment } from './from-environment.ts';
export { type Mail, mailContent, sendMail } from './mail.ts';
export { deleteSecret, readSecret, secretName, writeSecret } from './secrets.ts';
export { enqueue, later, nowIso, type Services } from './services.ts';
export { completeTask, failTask } from './waiting-task.ts';
