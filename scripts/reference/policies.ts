import { formatSeconds } from '../../shared/base/time.ts';
import {
  actionMeanings,
  actions,
  defaultPolicy,
  neverFrozenActions,
  versionActions,
} from '../../shared/domain/operations/index.ts';

/** docs/reference/operations/policies.md: what a policy may ask, and every action's default. */
export function policyReference(): string {
  const rows = actions.map(
    (action) => `| \`${action}\` | ${actionMeanings[action]} | ${defaultPolicy(action).decision} |`,
  );
  const { quorum, expires_in_s } = defaultPolicy('module_promote_to_live');
  const named = (list: readonly string[]) => list.map((one) => `\`${one}\``).join(', ');

  return `# Intervention policies

Every change needs an action, and every action has a policy. \`gantry policy list\` shows them, \`gantry policy set\` changes one.
\`npm run generate\` writes this page.

## What a policy asks

| field | option of \`policy set\` | meaning |
|---|---|---|
| \`decision\` | \`--decision\` | \`allow\`, \`require_approval\` or \`deny\` |
| \`quorum\` | \`--quorum\` | approvals of different people; ${quorum} by default |
| \`self_approval\` | \`--self-approval\` | whether the requester may approve; no by default |
| \`expires_in_s\` | \`--expires-in\` | seconds until an undecided request expires; ${formatSeconds(expires_in_s)} by default |
| \`reviewer_groups\` | \`--reviewer-group\` | only a reviewer who is in each of these groups counts and gets mail |
| \`min_soak_s\` | \`--min-soak\` | seconds that a version must have been in its state before it is promoted |
| \`freeze_windows\` | \`--freeze\` | times in which the action is refused |
| \`required_attestations\` | \`--require-attestation\` | predicate types that a version must carry to be promoted |
| \`required_builders\` | \`--require-builder\` | regexps (RE2) of the builder that SLSA provenance of the version names |
| \`required_sources\` | \`--require-source\` | regexps (RE2) of the source repository that the same provenance names |

A soak and attestations are for ${named(versionActions)}.
They and freezes count also where the decision is \`allow\`. They are judged when the change is requested and again when it is applied.

**Reviewer groups.** \`gantry member update <id> --group security\` puts a member into a group.
Once the account has another reviewer, a reviewer who joins a group waits for approval
(\`member_change\`). A policy whose groups have fewer reviewers than its quorum is refused, and so
is a removal that makes it so (\`quorum_unmeetable\`).

**Soak.** A promotion over several states meets the soak of each step. A state that it only passes
through was never soaked in, so promote step by step. The refusal (\`soak_unfinished\`) says when
the soak ends.

**Freeze windows** have a start, an end and a time zone by its IANA name:

| window | freezes |
|---|---|
| \`22:00 to 06:00 UTC\` | every night |
| \`fri 17:00 to mon 08:00 Europe/Zurich\` | every weekend |
| \`2026-12-24 12:00 to 2027-01-04 08:00 Europe/Zurich\` | once |

They follow the clock of the zone, also when summer time begins or ends. A time that the clock skips or repeats makes the freeze longer.
Windows that meet or overlap are one freeze. A change is refused in it (\`frozen\`), and so is the approval of a request: the request waits,
and is approved after the freeze. What Gantry asks for by itself, such as \`dependency_update\`, waits too. Without approval it
is applied when the freeze ends.
The refusal says when the freeze ends. In a hurry:

- \`gantry module rollback --break-glass\` is let through, and reviewers are asked afterwards.
- An admin removes the window (\`gantry policy set <action> --no-freeze\`). That loosens the policy, so a reviewer approves it. No freeze
  stops ${named(neverFrozenActions)}.

**Attestations** are those that Gantry verified with the signature of the version, of any version
of the predicate type if the policy names none. A version without them is refused
(\`attestation_missing\`): attest it, then run \`gantry module poll\`. One provenance must match every regexp of builders and sources.
Builders and sources that Gantry does not know match none ([attestations](../verify/attestations.md)). Documents in layers, which nobody
attested, do not count.

## Several policies

A change may need several policies: a promotion over several states, several changes of one operation, a change of a policy. All of them are
met: deny before approval before allow, the highest quorum, the shortest expiry, every group, the longest soak, every window and attestation,
self-approval only where each allows it.

A change of a policy needs what \`policy_change\` asks, and what the old policy asks of reviewers. It needs \`policy_loosen\` too
if any field asks for less than before.

## Actions and their defaults

| action | what it is | default |
|---|---|---|
${rows.join('\n')}
`;
}
