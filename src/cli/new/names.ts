/** What a new agent is called, everywhere it is named. */
import { agentVariables, type AgentVariables } from '../../registry';
import { kebabId } from '../../registry/shapes';
import { UsageError } from '../exit';

export type Language = 'ts' | 'python';
export const LANGUAGES: readonly Language[] = ['ts', 'python'];

export interface Names {
  /** The id in the registry, and the folder in `agents/`. */
  readonly id: string;
  /** For people: `my-new-agent` is “My new agent”. */
  readonly title: string;
  readonly variables: AgentVariables;
  /** The job's file without its extension. */
  readonly job: string;
  /** The class of its tests, in Python. */
  readonly testClass: string;
}

/** Python's own words, which `from jobs.<name> import …` cannot name; and tests of the scaffold. */
const NOT_IN_PYTHON = new Set(
  (
    'and as assert async await break class continue def del elif else except finally for from global if import ' +
    'in is lambda nonlocal not or pass raise return try while with yield agent scaffold'
  ).split(' '),
);

/**
 * @param taken whether an agent of that id is there already
 * @throws UsageError with a name that would do
 */
export function namesOf(id: string, language: Language, taken: (id: string) => boolean): Names {
  const parsed = kebabId.safeParse(id);
  if (!parsed.success) {
    const why = parsed.error.issues.map(({ message }) => message).join(' and ');
    throw new UsageError(`An agent cannot be called ${JSON.stringify(id.slice(0, 100))}: the name ${why}.`, {
      lines: mend(free(kebab(id), taken)),
    });
  }
  if (taken(id)) {
    throw new UsageError(`There is an agent ${id} already.`, { lines: mend(free(id, taken)) });
  }
  const words = id.split('-');
  const module = NOT_IN_PYTHON.has(id) ? `${id}_job` : words.join('_');
  return {
    id,
    title: capital(words.join(' ')),
    variables: agentVariables(id),
    job: language === 'ts' ? id : module,
    testClass: words.map(capital).join(''),
  };
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
const mend = (name: string | undefined): string[] =>
  name === undefined ? [] : [`Call it ${name}, for instance.`];

/** The nearest name that fits, or undefined when nothing of it is left. */
function kebab(text: string): string | undefined {
  const name = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+/, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  return name === '' ? undefined : name;
}

/** More than anybody has agents of one name. */
const MAX_TRIES = 1_000;

function free(name: string | undefined, taken: (id: string) => boolean): string | undefined {
  if (name === undefined || !taken(name)) return name;
  for (let n = 2; n < MAX_TRIES; n++) {
    const next = `${name.slice(0, 58)}-${n}`.replace(/--+/g, '-');
    if (!taken(next)) return next;
  }
  return undefined;
}
