import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallChain, newChain } from '../../../shared/domain/machines/index.ts';
import { type CallPlace, checkCall } from '../../../shared/dpop/index.ts';

/** The server's side of one credential. */
class Server {
  chain: CallChain = newChain;
  revoked = false;

  /** What a call is answered with: a nonce, or nothing where it is refused. */
  take(call: CallPlace): string | null {
    if (this.revoked) return null;

    const verdict = checkCall(this.chain, call, randomUUID());
    if (verdict.kind === 'reused') this.revoked = true;
    if (verdict.kind !== 'accepted') return null;

    this.chain = verdict.chain;
    return verdict.nonce;
  }
}

/** A machine: what it holds is what is on its disk. */
class Machine {
  disk: CallPlace;

  constructor(disk: CallPlace = { nonce: null, attempt: 0 }) {
    this.disk = disk;
  }

  send(): CallPlace {
    this.disk = { ...this.disk, attempt: this.disk.attempt + 1 };
    return this.disk;
  }

  receive(nonce: string | null): void {
    if (nonce !== null) this.disk = { nonce, attempt: 0 };
  }

  call(server: Server): string | null {
    const nonce = server.take(this.send());
    this.receive(nonce);
    return nonce;
  }

  copy(): Machine {
    return new Machine(this.disk);
  }
}

/** What may befall a call of a machine that is alone. */
const fates = fc.constantFrom('answered', 'request lost', 'answer lost', 'delivered late');

describe('the calls of one machine', () => {
  it('are never suspected, whatever is lost or late, and whenever its power fails', () => {
    fc.assert(
      fc.property(
        fc.array(fates, { maxLength: 40 }),
        fc.infiniteStream(fc.nat(3)),
        (history, delays) => {
          const server = new Server();
          const machine = new Machine();
          const underway: CallPlace[] = [];

          for (const fate of history) {
            const call = machine.send();
            if (fate === 'answered') machine.receive(server.take(call));
            if (fate === 'answer lost') server.take(call);
            if (fate === 'delivered late') underway.push(call);
            // No one waits for the response of an abandoned call.
            if (delays.next().value === 0) for (const late of underway.splice(0)) server.take(late);
          }

          for (const late of underway) server.take(late);
          expect(server.revoked).toBe(false);
          machine.call(server);
          expect(machine.call(server)).not.toBeNull();
        },
      ),
    );
  });

  it('go on after the table was restored from before them', () => {
    const server = new Server();
    const machine = new Machine();
    for (let n = 0; n < 5; n++) machine.call(server);
    const restored = server.chain;
    for (let n = 0; n < 5; n++) machine.call(server);
    server.chain = restored;
    expect(machine.call(server)).not.toBeNull();
    expect(machine.call(server)).not.toBeNull();
    expect(server.revoked).toBe(false);
  });
});

describe('the place of a call', () => {
  /** A chain whose newest nonce was lost after its first and third attempt arrived. */
  function lost() {
    const server = new Server();
    const first = server.take({ nonce: null, attempt: 1 });
    server.take({ nonce: first, attempt: 3 });
    return { chain: server.chain, nonce: first };
  }

  it('before one that arrived is late, the same is reused, and a later one is accepted', () => {
    const { chain, nonce } = lost();
    const judged = [2, 3, 4].map((attempt) => checkCall(chain, { nonce, attempt }));
    expect(judged).toEqual([
      { kind: 'late' },
      { kind: 'reused', why: 'two calls have the same place' },
      expect.objectContaining({ kind: 'accepted' }),
    ]);
  });

  it('is remembered once, however often its response is lost', () => {
    const { chain, nonce } = lost();
    const again = checkCall(chain, { nonce, attempt: 4 });
    expect(again.kind === 'accepted' && again.chain.used.map(({ attempt }) => attempt)).toEqual([
      4, 1,
    ]);
  });

  it('after a table was restored is the only one that is remembered, and counts on', () => {
    const { chain } = lost();
    const ahead = checkCall(chain, { nonce: '90.abc', attempt: 5 }, 'xyz');
    expect(ahead).toMatchObject({ kind: 'accepted', nonce: '91.xyz' });
    expect(ahead.kind === 'accepted' && ahead.chain).toMatchObject({
      generation: 91,
      used: [{ attempt: 5 }],
    });
  });

  it('is unknown if it names a nonce of the present generation that was never issued', () => {
    const { chain } = lost();
    const call = { nonce: `${chain.generation}.invented`, attempt: 1 };
    expect(checkCall(chain, call)).toMatchObject({ kind: 'reused' });
  });

  it('after a lost response counts on, so an older nonce stays older', () => {
    const { chain, nonce } = lost();
    const again = checkCall(chain, { nonce, attempt: 4 });
    expect(again.kind === 'accepted' && again.chain.generation).toBe(chain.generation + 1);
  });

  it.each(['x90.abc', '1234567890123456.abc', '90', ''])(
    'is unknown if it names %j, which Gantry never issues',
    (nonce) => {
      expect(checkCall(lost().chain, { nonce, attempt: 1 })).toMatchObject({ kind: 'reused' });
    },
  );
});

describe('a copied credential', () => {
  it('is revoked soon after both have called, in whatever order', () => {
    fc.assert(
      fc.property(
        fc.nat(5),
        fc.array(fates, { maxLength: 5 }),
        fc.array(fc.boolean()),
        (calls, losses, turns) => {
          const server = new Server();
          const original = new Machine();
          for (let n = 0; n < calls; n++) original.call(server);
          for (const loss of losses) if (loss === 'answer lost') server.take(original.send());
          const copy = original.copy();
          for (const first of turns) (first ? original : copy).call(server);
          for (let n = 0; n < 3; n++) for (const machine of [original, copy]) machine.call(server);
          expect(server.revoked).toBe(true);
        },
      ),
    );
  });

  it('made of an old disk is revoked at its first call', () => {
    const server = new Server();
    const original = new Machine();

    original.call(server);
    const copy = original.copy();
    for (let n = 0; n < 100; n++) original.call(server);
    expect(copy.call(server)).toBeNull();
    expect(server.revoked).toBe(true);
  });

  it('made of an old disk is revoked at its first call, however it numbers its attempts', () => {
    const server = new Server();
    const original = new Machine();
    for (let n = 0; n < 3; n++) original.call(server);
    const copy = new Machine({ ...original.disk, attempt: 10 });
    for (let n = 0; n < 3; n++) original.call(server);
    expect(copy.call(server)).toBeNull();
    expect(server.revoked).toBe(true);
  });

  it('made of a disk one call behind is revoked, however it numbers its attempts', () => {
    const server = new Server();
    const original = new Machine();
    original.call(server);
    const copy = new Machine({ ...original.disk, attempt: 10 });
    for (let n = 0; n < 2; n++) original.call(server);
    expect(copy.call(server)).toBeNull();
    expect(server.revoked).toBe(true);
  });

  it('that claims to be far ahead shuts the original out, which is noticed', () => {
    const server = new Server();
    const original = new Machine();

    original.call(server);
    new Machine({ nonce: '999999.forged', attempt: 0 }).call(server);
    expect(server.revoked).toBe(false);
    original.call(server);
    expect(server.revoked).toBe(true);
  });

  it('keeps no more of its history than is bounded', () => {
    const server = new Server();
    const machine = new Machine();
    for (let n = 0; n < 500; n++) machine.call(server);
    expect(JSON.stringify(server.chain).length).toBeLessThan(10_000);
  });
});
