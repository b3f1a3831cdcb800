/** Parts of the library's script that run what they complete, and what does the same without. */
const replacements: readonly (readonly [found: string, safe: string])[] = [
  // The script evaluates this line: a typed `$(…)` would run at the tab key.
  [
    '    requestComp="gantry complete -- ${words[@]:1}"\n',
    '    requestComp="gantry complete -- $(printf \'%q \' "${words[@]:1}")"\n',
  ],
  [
    '    if [[ -z "$cur" ]]; then\n        requestComp="$requestComp \'\'"\n    fi\n',
    '    # An empty last word is quoted as well.\n',
  ],
  // `compgen -W` expands its list: a name from the control plane would run as a command.
  [
    '    COMPREPLY=( $(compgen -W "${completions[*]}" -- "$cur") )\n',
    '    local one\n    COMPREPLY=()\n    for one in "${completions[@]}"; do\n        if [[ "$one" == "$cur"* ]]; then COMPREPLY+=("$one"); fi\n    done\n',
  ],
];

/**
 * Returns the library's script for bash without the parts that run words as commands.
 * @throws Error if the library writes another script, whose parts must be looked at again
 */
export function hardenBashScript(script: string): string {
  return replacements.reduce((text, [found, safe]) => {
    if (!text.includes(found)) throw new Error(`expected in the script for bash: ${found}`);
    return text.replace(found, () => safe);
  }, script);
}
