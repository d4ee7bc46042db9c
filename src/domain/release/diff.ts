/** What is different between two releases, part by part: what an alert carries, and what an approver reads. */
import type { ReleaseManifest } from './manifest';

export const RELEASE_PARTS = [
  'code',
  'model',
  'prompt',
  'eval',
  'tool',
  'permission',
  'index',
  'contract',
  'config',
] as const;
export type ReleasePart = (typeof RELEASE_PARTS)[number];

export interface ReleaseChange {
  part: ReleasePart;
  /** Of what there are several of: which. */
  name: string;
  kind: 'added' | 'removed' | 'changed';
  old?: string;
  new?: string;
}

/** In the order of {@link RELEASE_PARTS}, then by name; empty for the same release. */
export function diffManifests(before: ReleaseManifest | undefined, after: ReleaseManifest): ReleaseChange[] {
  const [old, now] = [before ? entriesOf(before) : new Map<string, string>(), entriesOf(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])].sort(byPart);
  return keys.flatMap((key): ReleaseChange[] => {
    const [was, is] = [old.get(key), now.get(key)];
    if (was === is) return [];
    const [part, name] = split(key);
    const kind = was === undefined ? 'added' : is === undefined ? 'removed' : 'changed';
    return [
      { part, name, kind, ...(was !== undefined && { old: was }), ...(is !== undefined && { new: is }) },
    ];
  });
}

/** A change of the model or of a prompt: what the evaluation suite is there for. */
export const needsEvaluation = (changes: readonly ReleaseChange[]): boolean =>
  changes.some((c) => c.part === 'model' || c.part === 'prompt');

const keyOf = (part: ReleasePart, name = ''): string => `${part} ${name}`;
function split(key: string): [ReleasePart, string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at) as ReleasePart, key.slice(at + 1)];
}

function entriesOf(m: ReleaseManifest): Map<string, string> {
  const model = ({ provider, model: name, snapshot }: ReleaseManifest['models'][number]) =>
    `${provider} ${name}${snapshot === undefined ? '' : ` at ${snapshot}`}`;
  return new Map([
    [keyOf('code'), [m.code.tree, m.code.files].filter(Boolean).join(' ') || 'none'],
    ...m.models.map((each, i) => [keyOf('model', String(i + 1)), model(each)] as const),
    ...m.prompts.map((p) => [keyOf('prompt', p.path), p.sha256] as const),
    ...(m.evals ?? []).map((e) => [keyOf('eval', e.path), e.sha256] as const),
    ...m.tools.map((t) => [keyOf('tool', t.name), t.sha256] as const),
    ...m.permissions.map((p) => [keyOf('permission', p), 'granted'] as const),
    ...(m.index ? [[keyOf('index', m.index.name), m.index.build] as const] : []),
    [keyOf('contract'), String(m.contractVersion)],
    ...Object.entries(m.config).map(([k, v]) => [keyOf('config', k), JSON.stringify(v)] as const),
  ]);
}

function byPart(a: string, b: string): number {
  const [[partA, nameA], [partB, nameB]] = [split(a), split(b)];
  const order = RELEASE_PARTS.indexOf(partA) - RELEASE_PARTS.indexOf(partB);
  return order !== 0 ? order : nameA < nameB ? -1 : nameA > nameB ? 1 : 0;
}
