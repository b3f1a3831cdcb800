export { servicesFromEnvironment } from './from-environment.ts';
export { deleteSecret, readSecret, secretName, writeSecret } from './secrets.ts';
export { enqueue, later, type Messages, nowIso, type Services } from './services.ts';
