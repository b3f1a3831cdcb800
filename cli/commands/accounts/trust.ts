import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import type { trustAnswer } from '../../../shared/contract/accounts/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags, wholeNumber } from '../../command.ts';
import { readOptionJson } from '../../input/option-files.ts';
import {
  makeKeyFiles,
  publicPem,
  readPrivateKey,
  readPublicHalf,
} from '../../input/private-key.ts';
import { facts, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

type Trust = z.infer<typeof trustAnswer>;

interface ProposeFlags extends Flags {
  threshold?: number;
}

interface SignFlags extends Flags {
  key?: string;
  proposal?: string;
  signature?: string;
}

const waiting = 'it waits for signatures';

/** `gantry trust root …` */
export function register(trust: Command): void {
  const root = trust
    .command('root')
    .description('the account root: who signs for the machines of the account');
  describe(
    root
      .command('show')
      .description('show the root in force, and the one that waits for signatures'),
    {
      example: 'gantry trust root show',
      action: show,
    },
  );
  describe(
    root
      .command('make-key <file>')
      .description(
        'make an offline key: FILE, encrypted with COSIGN_PASSWORD where it is set, and FILE.pub',
      )
      .option('--ed25519', 'an Ed25519 key in place of an ECDSA P-256 one'),
    { example: 'gantry trust root make-key root-alice.pem', action: makeKey },
  );
  describe(
    threshold(
      root.command('add-key <file>').description('propose a root that a further key signs'),
    ),
    {
      example: 'gantry trust root add-key root-alice.pem.pub --threshold 2',
      no: waiting,
      action: addKey,
    },
  );
  describe(
    threshold(
      root.command('remove-key <id>').description('propose a root that a key signs no more'),
    ),
    {
      example: `gantry trust root remove-key ${'0123456789abcdef'.repeat(4)}`,
      no: waiting,
      action: (id: string, flags: ProposeFlags) => propose({ remove: [id] }, flags),
    },
  );
  const needs = root
    .command('threshold')
    .argument('<number>', 'signatures that a root needs', wholeNumber);
  describe(needs.description('propose how many signatures a root needs'), {
    example: 'gantry trust root threshold 2',
    no: waiting,
    action: (number: number, flags: Flags) => propose({}, { ...flags, threshold: number }),
  });
  describe(
    threshold(
      root.command('rotate').description('propose a new director key, which signs desired states'),
    ),
    {
      example: 'gantry trust root rotate',
      no: waiting,
      action: (flags: ProposeFlags) => propose({ rotate: true }, flags),
    },
  );
  describe(
    root
      .command('sign')
      .description('sign the proposed root; with its last signature it is in force')
      .option('--key <file>', 'private key: PEM, ECDSA P-256 or Ed25519')
      .option(
        '--proposal <file>',
        'without a network: sign what "show --json" printed, and print the signature',
      )
      .option('--signature <file>', 'submit a signature that was printed so'),
    { example: 'gantry trust root sign --key root-alice.pem', no: waiting, action: sign },
  );
  describe(root.command('withdraw').description('take the proposed root back'), {
    example: 'gantry trust root withdraw',
    action: withdraw,
  });
}

function threshold(command: Command): Command {
  return command.option(
    '--threshold <number>',
    'signatures that a root needs from then on',
    wholeNumber,
  );
}

async function show(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  tell(await client.get(answers.trust, '/trust/root'), flags);
  return 0;
}

async function makeKey(file: string, flags: Flags & { ed25519?: true }): Promise<ExitCode> {
  const key = await makeKeyFiles(file, flags.ed25519 ? 'ed25519' : 'ecdsa');
  const { tufKey } = await import('../../../shared/director/index.ts');
  const key_id = tufKey(publicPem(key)).keyID;
  print(
    flags.json,
    { key_id, private_key: file, public_key: `${file}.pub` },
    () => `made ${file}, key ${key_id}`,
  );
  return 0;
}

async function addKey(file: string, flags: ProposeFlags): Promise<ExitCode> {
  return propose({ add: [await readPublicHalf(file)] }, flags);
}

async function propose(
  change: { add?: string[]; remove?: string[]; rotate?: boolean },
  flags: ProposeFlags,
): Promise<ExitCode> {
  const { client, answers } = await connect();
  const body = { ...change, threshold: flags.threshold };
  return tell(await client.send(answers.trust, 'POST', '/trust/root/proposal', body), flags);
}

async function sign(flags: SignFlags): Promise<ExitCode> {
  if ((flags.key === undefined) === (flags.signature === undefined)) {
    throw new GantryError('usage', 'expected one of --key and --signature');
  }
  if (flags.key !== undefined && flags.proposal !== undefined) {
    print(true, await signatureOf(await readTrust(flags.proposal), flags.key), () => '');
    return 0;
  }
  const { client, answers } = await connect();
  const body =
    flags.key === undefined
      ? await readOptionJson(flags.signature ?? '', '--signature')
      : await signatureOf(await client.get(answers.trust, '/trust/root'), flags.key);
  return tell(
    await client.send(answers.trust, 'POST', '/trust/root/proposal/signatures', body),
    flags,
  );
}

/** What `show --json` printed, from a file. @throws GantryError `io_error` */
async function readTrust(path: string): Promise<Trust> {
  const { trustAnswer } = await import('../../../shared/contract/accounts/index.ts');
  const { data, error } = trustAnswer.safeParse(await readOptionJson(path, '--proposal'));
  if (data !== undefined) return data;
  const wrong = error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
  throw new GantryError(
    'io_error',
    `expected in the file of --proposal what "gantry trust root show --json" prints, found another document: ${wrong}`,
    { field: '--proposal', cause: error },
  );
}

/** Signs what the metadata itself says: both roots are read and judged here, not as the server describes them. */
async function signatureOf({ root, proposal }: Trust, file: string) {
  if (proposal === null) throw new GantryError('not_found', 'expected a proposed root, found none');
  const { describeRoot, parseRoot, signRootWith, verifyRoot } = await import(
    '../../../shared/director/index.ts'
  );
  const current = verifyRoot(Buffer.from(root.metadata, 'base64'), root.sha256);
  const proposed = parseRoot(Buffer.from(proposal.metadata, 'base64'));
  const key = await readPrivateKey(file, '--key');
  const { version, threshold, keys, director } = describeRoot(proposed);
  process.stderr.write(
    `signing root ${version}: ${threshold} of ${keys.length} keys sign roots, ${director.key_id.slice(0, 12)} signs desired states\n`,
  );
  return signRootWith(proposed, current, key, publicPem(key));
}

async function withdraw(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  await client.send(answers.nothing, 'DELETE', '/trust/root/proposal');
  print(flags.json, { withdrawn: true }, () => 'withdrawn');
  return 0;
}

/** Prints both roots; 1 while one waits for signatures. */
function tell(answer: Trust, flags: Flags): ExitCode {
  print(flags.json, answer, () => {
    const { root, proposal } = answer;
    const parts = [described('in force', root)];
    if (proposal !== null) {
      parts.push(described('proposed', proposal));
      const signed = proposal.needs.map(({ of, threshold, signed }) => {
        return `${signed.length} of the ${threshold} signatures that the ${of} root asks for`;
      });
      const unproven = proposal.unproven.map((id) => `\nThe new key ${id} has to sign.`).join('');
      const how = 'Who holds a key signs by: gantry trust root sign --key FILE';
      parts.push(`It has ${signed.join(', ')}.${unproven}\n${how}`);
    }
    return parts.join('\n\n');
  });
  return answer.proposal === null ? 0 : 1;
}

function described(
  standing: string,
  root: Omit<Trust['root'], 'sha256'> & { sha256?: string },
): string {
  const head = facts([
    ['root', `${root.version}, ${standing}`],
    ...(root.sha256 === undefined ? [] : ([['sha256', root.sha256]] as [string, string][])),
    ['expires', root.expires_at],
    ['needs', `${root.threshold} of ${root.keys.length} signatures`],
  ]);
  const rows = root.keys.map(({ key_id, type }) => [
    key_id,
    type,
    key_id === root.director.key_id ? 'root, director' : 'root',
  ]);
  const director = root.keys.some(({ key_id }) => key_id === root.director.key_id)
    ? []
    : [[root.director.key_id, root.director.type, 'director']];
  return `${head}\n${table(['KEY', 'TYPE', 'SIGNS AS'], [...rows, ...director], 'It has no keys.')}`;
}
