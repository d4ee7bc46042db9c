/**
 * What releases of an agent may ask for: by the registry, which holds everywhere, and by the policy of an environment,
 * which holds there. Where neither says anything, what is asked for is for a person to approve.
 */
import type { Environment } from './environment';
import type { ReleaseManifest } from './manifest';
import type { Finding } from './static-check';

/** Permitted by one agent's registry entry, or by one environment. */
export const MAX_PERMITS = 200;
/** Of a permission, or a pattern of them. */
export const MAX_PERMIT_LENGTH = 200;
/** Under a rule that names tools, each tool of a release has to be permitted, by `tool:` and its name. */
const TOOL = 'tool:';
/** Permissions named in a sentence. */
const MAX_NAMED = 20;

export interface PermissionBound {
  /** Whose rule it is, for people. */
  of: string;
  /** Where people change it. */
  mend: string;
  permits: readonly string[];
}

/** The rules that hold in an environment. Each has to permit what is asked for. */
export function boundsOf(
  agent: { permissions?: readonly string[] | undefined } | undefined,
  { agentId, name, policy }: Pick<Environment, 'agentId' | 'name' | 'policy'>,
): PermissionBound[] {
  const registry = { of: 'the registry', mend: `"permissions" of ${agentId} in the registry` };
  const command = `reveille release policy ${agentId} --env ${name} --permit`;
  return [
    ...(agent?.permissions ? [{ ...registry, permits: agent.permissions }] : []),
    ...(policy.permissions
      ? [{ of: `the policy of ${name}`, mend: `"${command} …"`, permits: policy.permissions }]
      : []),
  ];
}

/** Whether a pattern covers a permission: `*` in it stands for anything, nothing included. */
export function permits(pattern: string, permission: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return permission === pattern;
  const last = rest.pop() ?? '';
  if (!permission.startsWith(first) || !permission.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = permission.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= permission.length - last.length;
}

/** What a release asks for beyond one rule. */
function beyond({ permissions, tools }: ReleaseManifest, { permits: given }: PermissionBound): string[] {
  const namesTools = given.some((p) => p.startsWith(TOOL));
  const asked = [...permissions, ...(namesTools ? tools.map((t) => `${TOOL}${t.name}`) : [])];
  return asked.filter((permission) => !given.some((pattern) => permits(pattern, permission)));
}

/**
 * @param incumbent what is stable there; undefined for the first release
 * @param bounds the rules that hold there; empty: nobody has said what it may
 */
export function judgePermissions(
  manifest: ReleaseManifest,
  incumbent: ReleaseManifest | undefined,
  bounds: readonly PermissionBound[],
): Finding {
  const finding = (verdict: Finding['verdict'], message: string): Finding => ({
    check: 'permissions',
    verdict,
    message,
  });
  const over = bounds.flatMap((bound) => {
    const found = beyond(manifest, bound);
    return found.length === 0
      ? []
      : [
          `it asks for more than ${bound.of} permits: ${named(found)}; take it out of agent.json, or permit it in ${bound.mend}`,
        ];
  });
  if (over.length > 0) return finding('fail', over.join('; '));
  const known = new Set(incumbent?.permissions);
  const wider = [...new Set(manifest.permissions)].filter((p) => !known.has(p));
  if (wider.length === 0)
    return finding('pass', incumbent ? 'it may do no more than the one before' : 'it asks for nothing');
  if (bounds.length > 0)
    return finding('pass', `${named(wider)}: ${bounds.map((b) => b.of).join(' and ')} permits it`);
  const than = incumbent ? 'it may do more than the one before' : 'it is the first, and asks for';
  return finding(
    'inconclusive',
    `${than}: ${named(wider)}; nothing says what releases of ${manifest.agentId} may do: ` +
      `declare it ("reveille release policy ${manifest.agentId} --permit ${wider[0] ?? ''}"), or answer for it`,
  );
}

const named = (permissions: readonly string[]): string => {
  const more = permissions.length - MAX_NAMED;
  return `${permissions.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
};
