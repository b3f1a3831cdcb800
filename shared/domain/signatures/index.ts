export * from './attestation.ts';
export * from './document-text.ts';
export * from './signature.ts';
export * from './stored-verdicts.ts';
