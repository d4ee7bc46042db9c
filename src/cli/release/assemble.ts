/**
 * A release from an agent's folder: the git tree, `agent.json`, `prompts/` and `tools/`. Nothing in it tells of a
 * place or a time, so that two clones make the same.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import {
  MAX_PART_BYTES,
  MAX_PARTS,
  normalised,
  ReleaseManifest,
  releaseId,
  sha256,
} from '../../domain/release/manifest';
import { UsageError } from '../exit';

const run = promisify(execFile);
const GIT_MS = 20_000;
const IS_SUITE = /^evals\/[^/]+\.(json|ya?ml)$/i;
const SKIPPED = new Set(['node_modules', '.git', 'dist', '.env', '.venv', '__pycache__']);

/** What `agent.json` tells; all of it is optional. */
const AgentFile = z.looseObject({
  models: ReleaseManifest.shape.models.optional(),
  permissions: ReleaseManifest.shape.permissions.optional(),
  index: ReleaseManifest.shape.index,
  contractVersion: ReleaseManifest.shape.contractVersion.optional(),
  config: ReleaseManifest.shape.config.optional(),
});

export interface Assembled {
  id: string;
  manifest: ReleaseManifest;
  parts: Map<string, Buffer>;
}

/**
 * @param allowDirty take files that are not committed: named by their contents instead of a git tree
 * @throws UsageError saying what to mend
 */
export async function assemble(folder: string, agentId: string, allowDirty: boolean): Promise<Assembled> {
  const root = await realpath(folder).catch(() => {
    throw new UsageError(`There is no folder ${folder}: give the agent's with --folder.`);
  });
  const [settings, code, prompts, evals, tools] = await Promise.all([
    settingsOf(root),
    codeOf(root, allowDirty),
    filesIn(root, 'prompts'),
    // The suites, not the answers that were recorded for them.
    filesIn(root, 'evals').then((all) => all.filter(({ path }) => IS_SUITE.test(path))),
    filesIn(root, 'tools'),
  ]);
  const { models = [], permissions = [], index, contractVersion = 1, config = {} } = settings;
  const given = {
    ...{ manifestVersion: 1, agentId, code, models, permissions, contractVersion, config },
    prompts: prompts.map(({ path, content }) => ({ path, sha256: sha256(content) })),
    ...(evals.length > 0 && {
      evals: evals.map(({ path, content }) => ({ path, sha256: sha256(content) })),
    }),
    tools: tools.map(({ path, content }) => ({ name: path.slice('tools/'.length), sha256: sha256(content) })),
    ...(index && { index }),
  };
  const parsed = ReleaseManifest.safeParse(given);
  if (!parsed.success)
    throw new UsageError(`The release of ${root} is not valid.`, { lines: issues(parsed.error) });
  const manifest = normalised(parsed.data);
  const parts = new Map([...prompts, ...evals, ...tools].map(({ content }) => [sha256(content), content]));
  return { id: releaseId(manifest), manifest, parts };
}

async function settingsOf(root: string): Promise<z.infer<typeof AgentFile>> {
  const path = join(root, 'agent.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new UsageError(`${path} cannot be read: ${error.message}.`);
  });
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}.`);
  }
  const parsed = AgentFile.safeParse(data);
  if (!parsed.success) throw new UsageError(`${path} is not valid.`, { lines: issues(parsed.error) });
  return parsed.data;
}

const issues = ({ issues: all }: z.ZodError): string[] =>
  all.map((i) => `${i.path.join('.') || 'it'}: ${i.message}`);

/** The tree of the folder as committed; of what is not, a hash over every file. */
async function codeOf(root: string, allowDirty: boolean): Promise<ReleaseManifest['code']> {
  const tree = await treeOf(root);
  if (tree?.dirty.length === 0) return { tree: tree.id };
  if (tree && !allowDirty)
    throw new UsageError(`${root} holds what is not committed.`, {
      lines: [...tree.dirty.slice(0, 10), 'Commit it, or take it as it is with --dirty.'],
    });
  if (!tree && !allowDirty)
    throw new UsageError(`${root} is under no version control: commit it, or take it as it is with --dirty.`);
  const files = await filesIn(root, '.', SKIPPED, false);
  const list = files.map(({ path, content }) => `${sha256(content)}  ${path}\n`).join('');
  return { ...(tree && { tree: tree.id }), files: sha256(list) };
}

async function treeOf(root: string): Promise<{ id: string; dirty: string[] } | undefined> {
  const git = async (...args: string[]) => {
    const safe = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', '-C', root, ...args];
    return (await run('git', safe, { timeout: GIT_MS, maxBuffer: 16 * 1024 * 1024 })).stdout.trim();
  };
  try {
    const prefix = await git('rev-parse', '--show-prefix');
    const id = await git('rev-parse', '--verify', '--end-of-options', `HEAD:${prefix.replace(/\/$/, '')}`);
    const status = await git('status', '--porcelain', '--untracked-files=all', '--', '.');
    return { id, dirty: status === '' ? [] : status.split('\n') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UsageError('git is not installed: install it.');
    return undefined;
  }
}

/** Files below a folder, in the order of their paths; symbolic links are not followed. */
async function filesIn(root: string, folder: string, skipped = new Set<string>(), isPart = true) {
  const found: Array<{ path: string; content: Buffer }> = [];
  const walk = async (at: string): Promise<void> => {
    const entries = await readdir(at, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const entry of entries) {
      const full = join(at, entry.name);
      if (skipped.has(entry.name)) continue;
      if (entry.isDirectory()) await walk(full);
      else if (entry.isFile()) {
        const content = await readFile(full);
        const path = relative(root, full).split(sep).join('/');
        if (isPart && content.length > MAX_PART_BYTES)
          throw new UsageError(`${path} is over ${MAX_PART_BYTES} bytes: put larger data into an index.`);
        found.push({ path, content });
      }
      if (isPart && found.length > MAX_PARTS)
        throw new UsageError(`${folder}/ holds more than ${MAX_PARTS} files.`);
    }
  };
  await walk(join(root, folder));
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
