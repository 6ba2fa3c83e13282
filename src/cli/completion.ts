// firstcome completion: a script for the shell, from the commands as they are.

import { Argument, type Command } from 'commander'

/** A command as the shell needs it. */
interface Node {
  /** All words of it: `firstcome campaign list`. */
  readonly line: string
  readonly commands: readonly Word[]
  readonly flags: readonly Word[]
  /** Of flags that take one: what may follow. `file`: any file; empty: whatever somebody types. */
  readonly values: readonly { readonly flag: string; readonly choices: readonly string[] | 'file' }[]
}

interface Word {
  readonly word: string
  readonly meaning: string
}

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('Print a script that completes commands and flags in your shell.')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh']))
    .addHelpText(
      'after',
      `
Examples:
  source <(firstcome completion bash)                                here and now
  echo 'source <(firstcome completion zsh)' >> ~/.zshrc              from the next shell on`,
    )
    .action((shell: 'bash' | 'zsh') => {
      process.stdout.write({ bash, zsh }[shell](nodesOf(program, program.name())))
    })
}

function nodesOf(command: Command, line: string): Node[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command)
  const options = help.visibleOptions(command)
  const node: Node = {
    line,
    commands: [
      ...commands.map((one) => ({ word: one.name(), meaning: help.subcommandDescription(one) })),
      ...command.registeredArguments.flatMap(({ argChoices = [] }) =>
        argChoices.map((word) => ({ word, meaning: word })),
      ),
    ],
    flags: options.flatMap(({ long, description }) =>
      long === undefined ? [] : [{ word: long, meaning: description }],
    ),
    values: options.flatMap(({ long, required, flags, argChoices = [] }) =>
      long === undefined || (!required && argChoices.length === 0)
        ? []
        : [{ flag: long, choices: /<FILE(\.\.\.)?>/.test(flags) ? ('file' as const) : argChoices }],
    ),
  }
  // The help command is none that could be asked for its own.
  return [node, ...command.commands.flatMap((child) => nodesOf(child, `${line} ${child.name()}`))]
}

function bash(nodes: readonly Node[]): string {
  return `# firstcome in bash: source <(firstcome completion bash)
_firstcome() {
  local cur=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD-1]} line=firstcome commands= flags= i
  # bash takes --flag=value for three words.
  if [[ $cur == = ]]; then cur=
  elif [[ $flag == = ]]; then flag=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$line \${COMP_WORDS[i]}" in
      ${lines(nodes)}) line+=" \${COMP_WORDS[i]}" ;;
    esac
  done
  [[ $cur == -* ]] || case "$line $flag" in
${cases(nodes, '    ', (choices) =>
  choices === 'file'
    ? `local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); return`
    : `COMPREPLY=($(compgen -W ${quoted(choices.join(' '))} -- "$cur")); return`,
)}
  esac
  case "$line" in
${nodes.map(({ line, commands, flags }) => `    ${quoted(line)}) commands=${quoted(wordsOf(commands))} flags=${quoted(wordsOf(flags))} ;;`).join('\n')}
  esac
  [[ $cur == -* || -z $commands ]] && commands=$flags
  COMPREPLY=($(compgen -W "$commands" -- "$cur"))
}
complete -F _firstcome firstcome
`
}

function zsh(nodes: readonly Node[]): string {
  const described = (words: readonly Word[]) =>
    words.map(({ word, meaning }) => quoted(`${word.replaceAll(':', '\\:')}:${meaning}`)).join(' ')
  return `#compdef firstcome
# firstcome in zsh: source <(firstcome completion zsh), or as _firstcome in a folder of $fpath.
_firstcome() {
  local flag=$words[CURRENT-1] line=firstcome
  local -a commands flags
  local -i i
  if [[ $words[CURRENT] == --*=* ]]; then
    flag=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  for ((i = 2; i < CURRENT; i++)); do
    case "$line $words[i]" in
      (${lines(nodes)}) line+=" $words[i]" ;;
    esac
  done
  [[ $PREFIX == -* ]] || case "$line $flag" in
${cases(nodes, '    (', (choices) => (choices === 'file' ? '_files; return' : `compadd -- ${choices.join(' ')}; return`))}
  esac
  case "$line" in
${nodes
  .map(
    ({ line, commands, flags }) =>
      `    (${quoted(line)}) commands=(${described(commands)}) flags=(${described(flags)}) ;;`,
  )
  .join('\n')}
  esac
  if [[ $PREFIX == -* || $#commands -eq 0 ]]; then _describe -o option flags; else _describe command commands; fi
}
if [[ $funcstack[1] == _firstcome ]]; then
  _firstcome
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _firstcome firstcome
fi
`
}

/** The lines of all commands but the program's own, as alternatives of a pattern. */
function lines(nodes: readonly Node[]): string {
  return nodes
    .slice(1)
    .map(({ line }) => quoted(line))
    .join(' | ')
}

/** For each flag with a value, in each command: what is done there. */
function cases(nodes: readonly Node[], front: string, offer: (choices: readonly string[] | 'file') => string): string {
  const flags = new Map<string, string[]>()
  for (const { line, values } of nodes) {
    for (const { flag, choices } of values) {
      const done = choices.length === 0 ? 'return' : offer(choices)
      flags.set(done, [...(flags.get(done) ?? []), quoted(`${line} ${flag}`)])
    }
  }
  return [...flags].map(([done, patterns]) => `${front}${patterns.join(' | ')}) ${done} ;;`).join('\n')
}

function wordsOf(words: readonly Word[]): string {
  return words.map(({ word }) => word).join(' ')
}

/** For a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
