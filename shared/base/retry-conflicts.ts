import { setTimeout as sleep } from 'node:timers/promises';
import { isGantryError } from './error.ts';
import { limits } from './limits/index.ts';

/** Does work again that met `conflict`: a record changed between reading and writing, and what is there now decides. */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isGantryError(error, 'conflict') || attempt === limits.conflictAttemptsMax) throw error;
      await sleep(Math.random() * 100 * attempt);
    }
  }
}
