export * from './signature.ts';
export * from './stored-verdicts.ts';
