/** Turns a crawl into an SEO report. Rules find the problems; a language model, or the rules again, write what to do. */
import type { JobContext } from '../contract';
import { createLlm, LlmFailure, type Asked } from '../llm';
import { findProblems, recommend } from './seo/analyse';
import { writeRecommendations } from './seo/claude';
import { Report, Site } from './seo/schema';

const MAX_REASON_CHARS = 300;

/** Keys that are not named there are dropped: an input also carries the outputs of the steps before. */
export const input = Site;
export const output = Report;

/** Without a key, on a dry run, and whenever the model fails, the rules write the recommendations and say so. */
export async function run(site: Site, ctx: JobContext): Promise<Report> {
  const findings = findProblems(site);
  const byRules = (why: string): Report => ({
    ...findings,
    ...recommend(findings),
    recommendationsBy: 'rules',
    recommendationsNote: `Written by rules${why.slice(0, MAX_REASON_CHARS)}`,
  });
  // The SDK is loaded when it is first used: without a key nobody should pay for it.
  const llm = createLlm({ ctx, anthropic: () => import('@anthropic-ai/sdk') });
  if (llm.problem) return byRules(`: ${llm.problem}.`);
  if (ctx.dryRun && (llm.mode === 'live' || llm.mode === 'record')) return byRules(': this was a dry run.');
  try {
    const written = await writeRecommendations(findings, site, llm);
    return { ...findings, ...written.output, ...author(written) };
  } catch (error) {
    ctx.signal.throwIfAborted();
    // A bug is not the model's failure, and who replays wants the recording or nothing.
    if (!(error instanceof LlmFailure) || error.kind === 'no-recording') throw error;
    ctx.log('the model gave no recommendations', { kind: error.kind, reason: error.message });
    return byRules(`, because the model could not be used: ${error.message}`);
  }
}

/** Who wrote the recommendations, for the report. */
function author({
  provider,
  model,
}: Asked<unknown>): Pick<Report, 'recommendationsBy' | 'recommendationsNote' | 'model'> {
  if (model.startsWith('claude')) return { recommendationsBy: 'claude', model };
  const note = provider === 'fake' ? 'Made up, because LLM_MODE is fake.' : `Written by ${model}.`;
  return { recommendationsBy: 'model', recommendationsNote: note, model };
}
