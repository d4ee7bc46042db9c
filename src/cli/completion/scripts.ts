/** Completion scripts for shells. Each knows every command, so that pressing Tab starts no process. */
import type { Place } from './words';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that a shell reads once. */
export const scriptFor = (shell: Shell, places: readonly Place[]): string => SCRIPTS[shell](places);

const SCRIPTS: Record<Shell, (places: readonly Place[]) => string> = { bash, zsh, fish };

/** A text no shell looks into. */
const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;
const list = (words: readonly string[]): string => words.map(quoted).join(' ');

/** `path) …;;` of a case statement, for each place where there is something to say. */
function cases(places: readonly Place[], say: (place: Place) => string | undefined): string {
  return places
    .flatMap((place) => {
      const text = say(place);
      return text === undefined ? [] : [`      ${quoted(place.path)}) ${text} ;;`];
    })
    .join('\n');
}

const choiceCases = (places: readonly Place[], say: (words: string[]) => string): string =>
  places
    .flatMap(({ path, choices }) =>
      Object.entries(choices).map(
        ([option, words]) => `      ${quoted(`${path} ${option}`)}) ${say(words)} ;;`,
      ),
    )
    .join('\n');

/** Finds the commands before the cursor; the same lines in bash and in zsh. */
const walkCases = (places: readonly Place[]): string => `
    case "$place $word" in
${places
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quoted(path.includes(' ') ? path : ` ${path}`)}) place=${quoted(path)} ;;`)
  .join('\n')}
    esac`;

const valuedCases = (places: readonly Place[]): string => `
    case "$place $word" in
${places
  .filter(({ valued }) => valued.length > 0)
  .map(
    ({ path, valued }) =>
      `      ${valued.map((name) => quoted(`${path} ${name}`)).join('|')}) skip=1; continue ;;`,
  )
  .join('\n')}
    esac`;

function bash(places: readonly Place[]): string {
  return `# reveille completion bash
_reveille() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local place='' word='' skip='' words=() i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ -n $skip ]]; then skip=''; continue; fi${valuedCases(places)}${walkCases(places)}
  done
  case "$place $prev" in
${choiceCases(places, (words) => `words=(${list(words)})`)}
  esac
  if [[ -n $skip && \${#words[@]} -eq 0 ]]; then
    COMPREPLY=($(compgen -f -- "$cur"))
    return
  fi
  if [[ \${#words[@]} -eq 0 && $cur == -* ]]; then
    case "$place" in
${cases(places, ({ options }) => `words=(${list(options.map((o) => o.word))})`)}
    esac
  elif [[ \${#words[@]} -eq 0 ]]; then
    case "$place" in
${cases(places, ({ commands, values }) => {
  const all = [...commands.map((c) => c.word), ...values];
  return all.length === 0 ? undefined : `words=(${list(all)})`;
})}
    esac
  fi
  COMPREPLY=($(compgen -W "\${words[*]}" -- "$cur"))
}
complete -o default -F _reveille reveille
`;
}

/** What zsh shows beside a word: a colon ends the word. */
const described = (words: ReadonlyArray<{ word: string; about: string }>): string =>
  list(words.map(({ word, about }) => `${word.replace(/:/g, '\\:')}:${about}`));

function zsh(places: readonly Place[]): string {
  return `#compdef reveille
# reveille completion zsh
_reveille() {
  local place='' word='' skip='' i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ -n $skip ]]; then skip=''; continue; fi${valuedCases(places)}${walkCases(places)}
  done
  case "$place \${words[CURRENT-1]}" in
${choiceCases(places, (words) => `found=(${list(words)})`)}
  esac
  if (( \${#found} )); then _describe value found; return; fi
  if [[ -n $skip ]]; then _files; return; fi
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$place" in
${cases(places, ({ options }) => `found=(${described(options)})`)}
    esac
    _describe -o option found
    return
  fi
  case "$place" in
${cases(places, ({ commands, values }) => {
  const all = [...commands, ...values.map((word) => ({ word, about: '' }))];
  return all.length === 0 ? undefined : `found=(${described(all)})`;
})}
  esac
  if (( \${#found} )); then _describe command found; else _files; fi
}
if [[ \${funcstack[1]} == _reveille ]]; then _reveille "$@"; else compdef _reveille reveille; fi
`;
}

/** fish reads single quotes with backslashes in them. */
const fishQuoted = (text: string): string => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;

function fish(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== '').map(({ path }) => fishQuoted(path));
  const valued = places.flatMap(({ path, valued: names }) =>
    names.map((name) => fishQuoted(`${path} ${name}`)),
  );
  const lines = places.flatMap(({ path, commands, options, choices, values }) => {
    const rule = `complete -c reveille -n ${fishQuoted(`__reveille_at ${fishQuoted(path)}`)}`;
    return [
      ...commands.map(({ word, about }) => `${rule} -f -a ${fishQuoted(word)} -d ${fishQuoted(about)}`),
      ...values.map((word) => `${rule} -f -a ${fishQuoted(word)}`),
      ...options.map(({ word, about }) => {
        const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
        const among = choices[word] ? ` -x -a ${fishQuoted(choices[word].join(' '))}` : '';
        return `${rule} ${name}${among} -d ${fishQuoted(about)}`;
      }),
    ];
  });
  return `# reveille completion fish
set -g __reveille_places ${known.join(' ')}
set -g __reveille_valued ${valued.join(' ')}
function __reveille_at
    set -l place ''
    set -l skip ''
    for word in (commandline -opc)[2..]
        if test -n "$skip"
            set skip ''
            continue
        end
        if contains -- "$place $word" $__reveille_valued
            set skip 1
        else
            set -l next (string trim -- "$place $word")
            contains -- "$next" $__reveille_places; and set place "$next"
        end
    end
    test "$place" = "$argv[1]"
end
${lines.join('\n')}
`;
}
