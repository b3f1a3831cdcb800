export { judgeAgain } from './judge-again.ts';
export { nextAttempt, postpone } from './postpone.ts';
