/** The effect of a change on a composition, judged by whether it composes before and after. */
export const trialVerdicts = ['composes', 'fixes', 'still_fails', 'breaks'] as const;

export type TrialVerdict = (typeof trialVerdicts)[number];

/**
 * Judges the effect of a change on one composition. Only `breaks` refuses the change (product.md,
 * section 7): a composition that fails with or without the change stops nothing, because machines
 * keep what they run in both cases. Otherwise one failure would stop the changes that end it.
 */
export function judgeTrial(composes: { before: boolean; after: boolean }): TrialVerdict {
  if (composes.after) return composes.before ? 'composes' : 'fixes';
  return composes.before ? 'breaks' : 'still_fails';
}
