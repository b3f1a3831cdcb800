import type { Joined } from '../../../../shared/actions/members/index.ts';
import type { Member } from '../../../../shared/domain/accounts/index.ts';
import { Layout } from '../layout.tsx';

/**
 * Asks the invited person to join. Mail scanners open links, and some press buttons: so opening
 * does nothing, and the form needs the address that the mail went to, which the page does not show.
 */
export function InvitationPage({ member }: { member: Member }) {
  return (
    <Layout title="Invitation">
      <article class="card">
        <h1>Join account {member.account}</h1>
        <p class="lead">{member.name}, you are invited. Opening this page has no effect.</p>
        <dl>
          <dt>Roles</dt>
          <dd>{member.roles.join(', ') || 'none yet'}</dd>
          <dt>Expires</dt>
          <dd>{member.invitation?.expires_at}</dd>
        </dl>
        <p>
          The button makes you a member and shows your first token, once. On a command line, use{' '}
          <code>gantry login --invitation</code> with this link instead.
        </p>
        <form method="post">
          <label for="email">Your e-mail address, to which the invitation was sent</label>
          <input id="email" name="email" type="email" required autocomplete="email" />
          <div class="actions">
            <button class="approve" type="submit">
              Join
            </button>
          </div>
        </form>
      </article>
    </Layout>
  );
}

/** Shows the first token of a member, once. */
export function JoinedPage({ joined, publicUrl }: { joined: Joined; publicUrl: string }) {
  const { member, secret } = joined;
  return (
    <Layout title="Joined">
      <article class="card">
        <p class="badge good">Joined</p>
        <h1>You are a member of {member.account}</h1>
        <p>This is your token. It is shown only now; keep it like a password.</p>
        <pre>
          <code>{secret}</code>
        </pre>
        <p>To use it on a command line, run this and paste the token when it asks:</p>
        <pre>
          <code>gantry login --url {publicUrl}</code>
        </pre>
        <p class="soft">The link of the invitation no longer works.</p>
      </article>
    </Layout>
  );
}
