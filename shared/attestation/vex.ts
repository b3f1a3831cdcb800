import { z } from 'zod';
import { type VexStatus, type VexSummary, vexStatuses } from '../domain/signatures/index.ts';

interface Vex {
  format: string;
  vex: VexSummary;
}

// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
const openvexSchema = z.looseObject({
  '@context': z.string().startsWith('https://openvex.dev/ns'),
  statements: z.array(z.unknown()),
});
const statementSchema = z.looseObject({ status: z.enum(vexStatuses) });

// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis_state
const cyclonedxSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  vulnerabilities: z.array(z.unknown()),
});
const vulnerabilitySchema = z.looseObject({
  analysis: z.looseObject({ state: z.string() }).nullish().catch(null),
});
const statusOfState = new Map<string, VexStatus>([
  ['exploitable', 'affected'],
  ['not_affected', 'not_affected'],
  ['false_positive', 'not_affected'],
  ['resolved', 'fixed'],
  ['resolved_with_pedigree', 'fixed'],
  ['in_triage', 'under_investigation'],
]);

// The output of `grype -o json`, which some workflows push as their VEX.
const grypeSchema = z.looseObject({
  matches: z.array(z.unknown()),
  descriptor: z.looseObject({ name: z.literal('grype') }),
});

/**
 * Counts the statements of a VEX document by status: OpenVEX or CycloneDX. What nobody has judged
 * (a vulnerability without analysis, a match of a scanner) is under investigation. Null for a
 * document of another format.
 */
export function readVex(document: unknown): Vex | null {
  const openvex = openvexSchema.safeParse(document).data;
  if (openvex !== undefined) {
    const statuses = openvex.statements.map((one) => statementSchema.safeParse(one).data?.status);
    return { format: 'OpenVEX', vex: count(statuses.filter((one) => one !== undefined)) };
  }

  const cyclonedx = cyclonedxSchema.safeParse(document).data;
  if (cyclonedx !== undefined) {
    const statuses = cyclonedx.vulnerabilities.map((one) => {
      const state = vulnerabilitySchema.safeParse(one).data?.analysis?.state ?? '';
      return statusOfState.get(state) ?? 'under_investigation';
    });
    return { format: 'CycloneDX', vex: count(statuses) };
  }

  const grype = grypeSchema.safeParse(document).data;
  if (grype === undefined) return null;
  return { format: 'grype scan', vex: count(grype.matches.map(() => 'under_investigation')) };
}

function count(statuses: VexStatus[]): VexSummary {
  const counts: VexSummary = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
