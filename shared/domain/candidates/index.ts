export * from './candidate.ts';
export type {
  CandidateFact,
  Move,
  Occurrence,
  OccurrenceKind,
  Transition,
} from './moves.ts';
export * from './transitions.ts';
