export * from './kept-verdicts.ts';
export * from './signature.ts';
