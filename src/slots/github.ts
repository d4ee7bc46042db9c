/** GitHub: proves that a webhook is GitHub's, and marks the live commit by its Deployments API. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { AppContract } from './config';
import { codeOf, SlotsError } from './errors';

const CALL_MS = 15_000;
/** Before the second try and the third. */
const PAUSES_MS = [1_000, 5_000];
const SHA256 = /^sha256=([0-9a-f]{64})$/;

export type GithubSettings = NonNullable<AppContract['github']>;

const Push = z.object({
  ref: z.string(),
  deleted: z.boolean().default(false),
  repository: z.object({ full_name: z.string() }),
});

/** Whether the body was signed with the secret; takes the same time for every wrong signature. */
export function isSigned(secret: string, body: Buffer, signature: string | undefined): boolean {
  const given = Buffer.from(SHA256.exec(signature ?? '')?.[1] ?? '', 'hex');
  const expected = createHmac('sha256', secret).update(body).digest();
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Whether a push event moved the branch of this repository. */
export function isPushTo(settings: GithubSettings, branch: string, payload: unknown): boolean {
  const read = Push.safeParse(payload);
  if (!read.success || read.data.deleted) return false;
  const { ref, repository } = read.data;
  return (
    ref === `refs/heads/${branch}` && repository.full_name.toLowerCase() === settings.repository.toLowerCase()
  );
}

export class Github {
  constructor(
    private readonly settings: GithubSettings,
    /** Goes into one header, and nowhere else. */
    private readonly token: string,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Marks a commit as the environment's active deployment; the one before becomes inactive.
   * @throws SlotsError after three tries, without a word of the token
   */
  async mark(commit: string, slot: string): Promise<void> {
    const { repository, environment } = this.settings;
    const made = await this.post(`/repos/${repository}/deployments`, {
      ref: commit,
      environment,
      description: slot,
      auto_merge: false,
      // What is live is live, whatever checks say of it.
      required_contexts: [],
    });
    const { data } = z.object({ id: z.number().int() }).safeParse(made);
    if (data === undefined) throw new SlotsError('GitHub answered a deployment without an id.');
    const status = { state: 'success', auto_inactive: true, environment, description: slot };
    await this.post(`/repos/${repository}/deployments/${data.id}/statuses`, status);
  }

  private async post(path: string, body: unknown): Promise<unknown> {
    let fault = '';
    for (const pause of [...PAUSES_MS, undefined]) {
      const answer = await this.once(path, JSON.stringify(body));
      if ('body' in answer) return answer.body;
      ({ fault } = answer);
      if (!answer.again || pause === undefined) break;
      await delay(pause, undefined, { signal: this.signal });
    }
    throw new SlotsError(`GitHub did not take POST ${path}: ${fault}.`);
  }

  private async once(
    path: string,
    body: string,
  ): Promise<{ body: unknown } | { fault: string; again: boolean }> {
    try {
      const answer = await fetch(`${this.settings.api_url.replace(/\/$/, '')}${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${this.token}`,
          accept: 'application/vnd.github+json',
          'content-type': 'application/json',
          'user-agent': 'reveille-slots',
          'x-github-api-version': '2022-11-28',
        },
        body,
        // Elsewhere the token has no business.
        redirect: 'error',
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(CALL_MS)]),
      });
      if (answer.ok) return { body: await answer.json() };
      await answer.body?.cancel();
      return { fault: `it answered ${answer.status}`, again: answer.status >= 500 || answer.status === 429 };
    } catch (error) {
      const code = codeOf((error as Error).cause) ?? 'no answer that can be read';
      return { fault: code, again: !this.signal.aborted };
    }
  }
}
