/** Turns a crawl into an SEO report. Rules find the problems; Claude, or the rules again, write what to do. */
import type { JobContext } from '../contract';
import { findProblems, recommend } from './seo/analyse';
import { askClaude, DEFAULT_MODEL } from './seo/claude';
import { Report, Site } from './seo/schema';

/** Keys that are not named there are dropped: an input also carries the outputs of the steps before. */
export const input = Site;
export const output = Report;

/** Without ANTHROPIC_API_KEY, on a dry run, and whenever Claude fails, the rules write the recommendations. */
export async function run(site: Site, ctx: JobContext): Promise<Report> {
  const findings = findProblems(site);
  const byRules = { ...findings, ...recommend(findings), recommendationsBy: 'rules' as const };
  const apiKey = process.env.ANTHROPIC_API_KEY;
  if (!apiKey) return { ...byRules, recommendationsNote: 'Written by rules: ANTHROPIC_API_KEY is not set.' };
  if (ctx.dryRun) return { ...byRules, recommendationsNote: 'Written by rules: this was a dry run.' };
  const model = process.env.ANTHROPIC_MODEL || DEFAULT_MODEL;
  try {
    const { signal, usage } = ctx;
    const written = await askClaude(findings, site, { apiKey, model, signal, usage });
    return { ...findings, ...written, recommendationsBy: 'claude', model };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const reason = describe(error, apiKey);
    ctx.log('Claude gave no recommendations', { model, reason });
    return {
      ...byRules,
      recommendationsNote: `Written by rules, because Claude could not be used: ${reason}`,
    };
  }
}

const MAX_REASON_CHARS = 300;

function describe(error: unknown, secret: string): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(secret, '[redacted]').slice(0, MAX_REASON_CHARS);
}
