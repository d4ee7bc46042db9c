/** Delivers a report: to Slack when a webhook is configured, as HTML and Markdown files otherwise. */
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import type { JobContext } from '../contract';
import { writeReport } from './report/files';
import { Report } from './report/schema';
import { postToSlack } from './report/slack';

/** Keys that are not named there are dropped: an input also carries the outputs of the steps before. */
export const input = Report;

export const output = z.object({
  delivered: z.enum(['slack', 'files', 'nothing']),
  /** Absolute paths, HTML first. */
  files: z.array(z.string()).optional(),
  /** The HTML report, to be opened in a browser on the same machine. */
  url: z.string().optional(),
});

/** On a dry run nothing is sent or written. */
export async function run(report: Report, ctx: JobContext): Promise<z.infer<typeof output>> {
  if (ctx.dryRun) return { delivered: 'nothing' };
  const slackUrl = process.env.SLACK_WEBHOOK_URL;
  if (slackUrl) {
    await postToSlack(slackUrl, report, ctx.signal);
    ctx.action({ type: 'message.sent', platform: 'slack', at: new Date().toISOString() });
    return { delivered: 'slack' };
  }
  const directory = process.env.REPORT_DIR || './reports';
  const files = await writeReport(directory, report, {
    runId: ctx.runId,
    createdAt: new Date().toISOString(),
  });
  ctx.action({ type: 'report.written', at: new Date().toISOString() });
  return { delivered: 'files', files, url: pathToFileURL(files[0]).href };
}
