/**
 * The modules of this repository, evaluated once more with bugs planted in their source. Every graph has
 * modules of its own, so that a bug is never seen by anybody else, and `src` needs no switch for it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { transformSync } from '@swc/core';

/** A change to one file. What it replaces has to be there exactly once, so that no bug goes stale unseen. */
export interface Edit {
  /** Relative to the repository. */
  file: string;
  find: string;
  put: string;
}

type Exports = Record<string, unknown>;
type Body = (module: { exports: Exports }, exports: Exports, require: (name: string) => unknown) => void;

export interface GraphOptions {
  edits?: readonly Edit[];
  /** Modules that are taken as the tests know them, without bugs: what judges must not be judged. */
  shared?: Readonly<Record<string, Exports>>;
}

const ROOT = resolve(__dirname, '../..');
const fromHere = createRequire(__filename);
/** Source that was compiled as it is, by file: most files of most graphs. */
const compiled = new Map<string, Body>();

export class Graph {
  private readonly modules = new Map<string, Exports>();
  private readonly unused: Set<Edit>;

  constructor(private readonly options: GraphOptions = {}) {
    this.unused = new Set(options.edits);
  }

  /** Loads a module and all it needs. @throws when an edit is of a file that is not among them */
  load(file: string): Exports {
    const exports = this.module(join(ROOT, file));
    const [edit] = this.unused;
    if (edit) throw new Error(`${edit.file} is not loaded by ${file}: the bug is planted in vain`);
    return exports;
  }

  private module(path: string): Exports {
    const file = relative(ROOT, path);
    const known = this.options.shared?.[file] ?? this.modules.get(path);
    if (known) return known;
    const module = { exports: {} as Exports };
    this.modules.set(path, module.exports);
    this.body(path, file)(module, module.exports, (name) => this.require(path, name));
    return module.exports;
  }

  private require(from: string, name: string): unknown {
    if (!name.startsWith('.')) return fromHere(name) as unknown;
    const path = resolve(dirname(from), name);
    const found = [`${path}.ts`, join(path, 'index.ts')].find((each) => existsSync(each));
    return found === undefined ? (fromHere(path) as unknown) : this.module(found);
  }

  private body(path: string, file: string): Body {
    const edits = (this.options.edits ?? []).filter((edit) => edit.file === file);
    for (const edit of edits) this.unused.delete(edit);
    const known = edits.length === 0 ? compiled.get(path) : undefined;
    if (known) return known;
    const source = edits.reduce(planted, readFileSync(path, 'utf8'));
    const { code } = transformSync(source, {
      filename: path,
      swcrc: false,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
      module: { type: 'commonjs' },
    });
    // In this realm, unlike with node:vm: errors and arrays are the same kind on both sides.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const body = new Function('module', 'exports', 'require', `${code}\n//# sourceURL=${path}`) as Body;
    if (edits.length === 0) compiled.set(path, body);
    return body;
  }
}

function planted(source: string, { file, find, put }: Edit): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has "${find}" ${times} times: bring the planted bug up to date`);
  return source.replace(find, () => put);
}
