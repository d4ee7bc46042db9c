/**
 * Secrets in the lines a diff adds: secretlint's recommended rules, and rules of our own for what
 * gitleaks knows besides. Findings say where and of what kind, never what.
 */
import type { ChangedFile } from './diff';
import type { Finding } from './gate';

/** One file's added text that can be looked through. */
const MAX_FILE_CHARS = 2_000_000;
const MIN_ENTROPY_BITS = 3.5;

/** Specific on purpose: what is found stops a deployment. Each says what it looks for. */
const RULES: ReadonlyArray<{ kind: string; pattern: RegExp; entropy?: number }> = [
  { kind: 'a private key', pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----/ },
  { kind: 'an AWS access key', pattern: /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/ },
  { kind: 'a GitHub token', pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})\b/ },
  { kind: 'a GitLab token', pattern: /\bglpat-[\w-]{20,}/ },
  { kind: 'a Slack token', pattern: /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/ },
  { kind: 'a Slack webhook', pattern: /hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9+/]{40,}/ },
  { kind: 'a model provider key', pattern: /\bsk-(?:ant-|proj-|svcacct-)[\w-]{20,}/ },
  { kind: 'a Stripe key', pattern: /\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,}/ },
  { kind: 'a Google API key', pattern: /\bAIza[\w-]{35}\b/ },
  { kind: 'an npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { kind: 'a PyPI token', pattern: /\bpypi-AgEI[\w-]{50,}/ },
  { kind: 'a SendGrid key', pattern: /\bSG\.[\w-]{20,24}\.[\w-]{39,50}\b/ },
  { kind: 'a webhook signing secret', pattern: /\bwhsec_[A-Za-z0-9+/=]{24,}/ },
  {
    kind: 'a password in a URL',
    pattern: /\b[a-z][a-z0-9+.-]{2,20}:\/\/[^\s:/@'"${<]{1,100}:([^\s:/@'"${<]{8,200})@/,
    entropy: 2.5,
  },
  {
    kind: 'a secret assigned to a name',
    pattern:
      /(?:api_?key|secret|token|passwd|password|credential|private_?key)[\w.-]{0,20}["']?\s{0,3}(?:=>|[:=])\s{0,3}["']([\w+/=.-]{20,200})["']/i,
    entropy: MIN_ENTROPY_BITS,
  },
];

export async function findSecrets(files: readonly ChangedFile[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const file of files) {
    if (file.lines.length === 0) continue;
    if (file.lines.reduce((chars, line) => chars + line.length, 0) > MAX_FILE_CHARS) {
      findings.push({
        rule: 'diff-size',
        path: file.path,
        detail: 'too much text is added to look for secrets in it',
      });
      continue;
    }
    const own = byRules(file);
    const known = new Set(own.map((finding) => finding.line));
    // One sentence for each line is enough.
    findings.push(...own, ...(await bySecretlint(file)).filter((finding) => !known.has(finding.line)));
  }
  return findings;
}

function byRules({ path, lines, numbers }: ChangedFile): Finding[] {
  return lines.flatMap((line, i) => {
    const rule = RULES.find(({ pattern, entropy }) => {
      const match = pattern.exec(line);
      return match !== null && (entropy === undefined || entropyOf(match[1] ?? '') >= entropy);
    });
    return rule ? [finding(path, numbers[i], `it looks like ${rule.kind}`)] : [];
  });
}

async function bySecretlint({ path, lines, numbers }: ChangedFile): Promise<Finding[]> {
  // Loaded at the first deployment: a controller at rest stays small.
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ]);
  const content = lines.join('\n');
  const { messages } = await lintSource({
    source: { filePath: `/${path}`, content, contentType: 'text', ext: /\.[^./]*$/.exec(path)?.[0] ?? '' },
    options: { maskSecrets: true, config: { rules: [{ id: 'recommended', rule: creator }] } },
  });
  return messages.map((m) =>
    finding(path, numbers[m.loc.start.line - 1], `it looks like a secret (${m.messageId})`),
  );
}

const finding = (path: string, line: number | undefined, detail: string): Finding => ({
  rule: 'secret',
  path,
  ...(line !== undefined && { line }),
  detail,
});

/** Bits per character: words have few, keys have many. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const c of text) counts.set(c, (counts.get(c) ?? 0) + 1);
  return [...counts.values()].reduce((bits, n) => bits - (n / text.length) * Math.log2(n / text.length), 0);
}
