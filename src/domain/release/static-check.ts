/** The first gate of a release: what can be told from the release alone. */
import type { VerdictKind } from '../rollout/verdict';
import { partsOf, releaseId, ReleaseManifest, type Release } from './manifest';
import { judgePermissions, type PermissionBound } from './permissions';

/** The version of the agent contract that is spoken here. */
export const CONTRACT_VERSION = 1;

export interface Finding {
  /** `manifest`, `parts`, `secrets`, `permissions`, `contract`. */
  check: string;
  verdict: VerdictKind;
  message: string;
}

/** What keys and tokens look like, by their makers' prefixes; a hit is one too many. */
const SECRETS: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_-]{20,}/,
  /\bgh[pousr]_[A-Za-z0-9]{36,}/,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/,
  /\bAKIA[0-9A-Z]{16}\b/,
  /\bAIza[0-9A-Za-z_-]{35}\b/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /https:\/\/hooks\.slack\.com\/services\/\S+/,
];

export const holdsSecret = (text: string): boolean => SECRETS.some((pattern) => pattern.test(text));

/** What looks like a key, replaced. */
export const withoutSecrets = (text: string, by: string): string =>
  SECRETS.reduce((all, pattern) => all.replace(new RegExp(pattern, 'g'), by), text);

/**
 * @param parts the texts of its prompts and tools, by their hash
 * @param incumbent what it is compared with; undefined for the first
 * @param bounds what it may ask for
 */
export function checkRelease(
  release: Release,
  parts: ReadonlyMap<string, string>,
  incumbent: ReleaseManifest | undefined,
  bounds: readonly PermissionBound[] = [],
): Finding[] {
  const { manifest } = release;
  const finding = (check: string, verdict: VerdictKind, message: string): Finding => ({
    check,
    verdict,
    message,
  });
  const parsed = ReleaseManifest.safeParse(manifest);
  if (!parsed.success || releaseId(manifest) !== release.id)
    return [finding('manifest', 'fail', 'the manifest is not the one its id was made of')];
  const missing = partsOf(manifest).filter((hash) => !parts.has(hash));
  const told = [...parts.values(), ...Object.values(manifest.config).map(String)];
  return [
    finding('manifest', 'pass', 'it is what its id was made of'),
    missing.length === 0
      ? finding('parts', 'pass', 'every part is there')
      : finding('parts', 'fail', `${missing.length} of its parts are not there: create the release again`),
    told.some(holdsSecret)
      ? finding('secrets', 'fail', 'a prompt, a tool or a setting holds what looks like a key: take it out')
      : finding('secrets', 'pass', 'nothing looks like a key'),
    judgePermissions(manifest, incumbent, bounds),
    manifest.contractVersion === CONTRACT_VERSION
      ? finding('contract', 'pass', `it speaks version ${CONTRACT_VERSION} of the agent contract`)
      : finding(
          'contract',
          'fail',
          `it speaks version ${manifest.contractVersion} of the agent contract, not ${CONTRACT_VERSION}`,
        ),
  ];
}
