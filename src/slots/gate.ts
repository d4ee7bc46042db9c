/** What a commit must not bring along, judged on its difference to what is live, before anything of it runs. */
import type { AppContract } from './config';
import { changedFiles } from './diff';
import { codeOf, StageError } from './errors';
import type { Git } from './git';
import { findSecrets } from './secrets';

export interface Finding {
  rule: 'protected-path' | 'diff-size' | 'deploy-size' | 'secret';
  path?: string;
  line?: number;
  /** For people; never the secret itself. */
  detail: string;
}

/** Findings that are told; more of them would help nobody. */
const MAX_FINDINGS = 50;
const BYTES_PER_MB = 1_000_000;

/**
 * @param base the live commit; without one nothing is changed yet, and only the size counts
 * @returns what was found; empty when the commit may pass
 */
export async function judge(
  git: Git,
  contract: AppContract,
  base: string | undefined,
  commit: string,
): Promise<Finding[]> {
  if (base === undefined || base === commit) return judgeSize(git, contract, commit);
  // Both are full hashes. Renames count as what they are: one path gone, one come.
  const range = ['--no-renames', '--no-ext-diff', '--no-textconv', base, commit, '--'];
  // None of them waits for another; each is a process of Git's.
  const found = await Promise.all([
    judgeSize(git, contract, commit),
    judgePaths(git, contract.protected_paths, range),
    judgeLines(git, contract.max_diff_lines, range),
  ]);
  return found.flat().slice(0, MAX_FINDINGS);
}

/** The refusal, with each finding in a sentence. */
export function gateError(findings: readonly Finding[]): StageError {
  const said = findings.map(
    ({ path, line, detail }) => `${path ?? ''}${line ? `:${line}` : ''}${path ? ': ' : ''}${detail}`,
  );
  return new StageError('gate', `Refused before it ran. ${said.join('; ')}.`, 422);
}

async function judgeLines(git: Git, limit: number, range: readonly string[]): Promise<Finding[]> {
  // As text whatever the repository's attributes say: "-diff" must not hide a file from us.
  const diff = await git
    .run(['diff', '--unified=0', '--no-color', '--text', ...range])
    .catch((error: unknown) => {
      if (codeOf((error as Error).cause) === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return undefined;
      throw error;
    });
  if (diff === undefined)
    return [{ rule: 'diff-size', detail: 'the change is too large to be looked through' }];
  const files = changedFiles(diff);
  const lines = files.reduce((sum, file) => sum + file.changed, 0);
  if (limit > 0 && lines > limit) {
    // What is refused for its size need not be searched as well.
    return [{ rule: 'diff-size', detail: `${lines} changed lines; max_diff_lines allows ${limit}` }];
  }
  return findSecrets(files);
}

async function judgePaths(
  git: Git,
  protectedPaths: readonly string[],
  range: readonly string[],
): Promise<Finding[]> {
  if (protectedPaths.length === 0) return [];
  const listed = await git.run(['diff', '--name-only', '-z', ...range]);
  const paths = listed.split('\0').filter((path) => path !== '');
  return paths.flatMap((path) => {
    const rule = protectedPaths.find((p) => isUnder(path, p));
    return rule === undefined
      ? []
      : [{ rule: 'protected-path' as const, path, detail: `protected_paths has "${rule}"` }];
  });
}

/** Whole steps only: `docs` is not `docsite`. */
function isUnder(path: string, rule: string): boolean {
  const clean = rule.replace(/^\.\//, '').replace(/\/+$/, '');
  return path === clean || path.startsWith(`${clean}/`);
}

async function judgeSize(git: Git, contract: AppContract, commit: string): Promise<Finding[]> {
  if (contract.max_deploy_size_mb === 0) return [];
  const tree = await git.run(['ls-tree', '-r', '-l', '-z', commit]);
  let bytes = 0;
  // mode, type, hash and size are padded with blanks; a submodule has no size.
  for (const entry of tree.split('\0')) bytes += Number(/^\S+ \S+ \S+ +(\d+)\t/.exec(entry)?.[1] ?? 0);
  const limit = contract.max_deploy_size_mb;
  if (bytes <= limit * BYTES_PER_MB) return [];
  const size = (bytes / BYTES_PER_MB).toFixed(1);
  return [{ rule: 'deploy-size', detail: `${size} MB of files; max_deploy_size_mb allows ${limit}` }];
}
