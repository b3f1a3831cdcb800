export { reconcileInstance, scheduleResigns } from './reconcile-instance.ts';
