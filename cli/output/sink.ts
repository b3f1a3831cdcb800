type Write = (text: string) => void;

const toTerminal: Write = (text) => process.stdout.write(text);
let write: Write = toTerminal;

/** Writes what a command prints, or keeps it while `capture` runs. */
export function writeOut(text: string): void {
  write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Returns what a command prints, instead of printing it. */
export async function capture(work: () => Promise<unknown>): Promise<string> {
  let text = '';
  write = (part) => {
    text += part;
  };

  try {
    await work();
    return text;
  } finally {
    write = toTerminal;
  }
}
