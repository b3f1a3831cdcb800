import type { Instance } from '../../shared/domain/machines/index.ts';

const made = '2026-01-01T00:00:00.000Z';

/** An enrolled machine of account `acme` on track live that has no desired state yet. */
export function instanceOf(fields: Partial<Instance> & Pick<Instance, 'id' | 'name'>): Instance {
  return {
    account: 'acme',
    template_id: 'tpl_web',
    track: 'live',
    metadata: {},
    clusters: [],
    state: 'enrolled',
    key_thumbprint: null,
    credential_hash: null,
    join_secret_hash: null,
    join_expires_at: null,
    desired_version: 0,
    desired_hash: null,
    desired_composition: null,
    desired_modules: {},
    desired_signed_at: null,
    desired_expires_at: null,
    desired_report_keys: [],
    desired_key_id: null,
    desired_correlation_id: null,
    desired_error: null,
    report: null,
    revision: 1,
    created_at: made,
    updated_at: made,
    ...fields,
  };
}
