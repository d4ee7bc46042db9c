/** The validation of a release where its folder is: sandbox, contract, resources, evaluations. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { INPUT_FILE, readInputs, type CheckInputs } from '../agent-check';
import { verdictOfEvals } from '../domain/eval/score';
import type { ReleaseManifest } from '../domain/release/manifest';
import { DEFAULT_TOLERANCE_PERCENT, type Profile } from '../domain/release/profile';
import type { AgentUse } from '../domain/release/uses';
import type { AgentSchemas } from '../domain/release/validation';
import { openJudge } from './evals/judge';
import { BadSuite, EVALS, readSuites } from './evals/read';
import { asksJudge, caseJobs, scoreSuites } from './evals/run';
import { confinement, type Confinement } from './sandbox/confine';
import { agentEnvironment, type LlmMode, type OutsideMode } from './sandbox/environment';
import { readRecordings, writeRecordings } from './sandbox/outside/recordings';
import { schemasInSandbox, visitInSandbox } from './sandbox/run';
import type { VisitReport } from './sandbox/visit';
import {
  contractStage,
  outsideReport,
  outsideTold,
  resourcesStage,
  sandboxStage,
  shorten,
  smaller,
  type StageReport,
} from './stages';

/** Where answers of models are recorded for the cases, from the agent's folder. */
export const RECORDINGS = `${EVALS}/recordings`;
const SANDBOX_DEADLINE_MS = 180_000;
const EVALS_DEADLINE_MS = 30 * 60_000;

export interface AgentFolder {
  folder: string;
  /** The `web:` command of its Procfile. */
  command: string;
}

export interface PipelineOptions extends AgentFolder {
  agentId: string;
  /** How the workflows use it. */
  uses: readonly AgentUse[];
  /** What is known of other agents. */
  others: ReadonlyMap<string, AgentSchemas>;
  /** Of what works now. */
  incumbent?: Profile;
  tolerancePercent?: number;
  /** All checks of the contract, those that wait as well. */
  allChecks: boolean;
  /** Told of each stage as it is over. */
  onStage?: (stage: StageReport) => void;
}

/** Sandbox, contract and resources, from one stay of the agent in the sandbox. */
export async function validateFolder(options: PipelineOptions): Promise<StageReport[]> {
  const { agentId, folder, uses, others, incumbent, onStage } = options;
  const { tolerancePercent = DEFAULT_TOLERANCE_PERCENT } = options;
  const confined = confinement(true);
  const inputs = await inputsOf(folder);
  const stay = () => stayOf(options, inputs, confined);
  // Beside the boot: it takes a process of its own.
  const told = schemasOf(folder, confined).then(
    (own) => ({ own }),
    (error: Error) => ({ error }),
  );
  let seen: VisitReport;
  return [
    await timed(onStage, async () => {
      seen = await stay();
      return { stage: 'sandbox', ...sandboxStage(seen, confined.gaps) };
    }),
    await timed(onStage, async () => {
      const found = await told;
      if ('error' in found) throw found.error;
      return { stage: 'contract', ...contractStage(seen, { agentId, own: found.own, uses, others }) };
    }),
    await timed(onStage, async () => {
      const first = resourcesStage(seen, incumbent, tolerancePercent);
      if (first.verdict !== 'fail' || !seen.profile) return { stage: 'resources', ...first };
      // A busy moment is not held against it: what is over is measured once more.
      const profile = smaller(seen.profile, (await stay()).profile);
      return { stage: 'resources', ...resourcesStage({ ...seen, profile }, incumbent, tolerancePercent) };
    }),
  ];
}

async function stayOf(
  { folder, command, allChecks }: PipelineOptions,
  inputs: CheckInputs,
  confined: Confinement,
): Promise<VisitReport> {
  const { env, secret, named } = await environmentOf(folder, { llm: 'fake' }, inputs);
  const outside = { recordings: await readRecordings(folder), secrets: named, records: false };
  const check = { inputs, all: allChecks, ...(secret !== undefined && { secret }) };
  const wish = { folder, command, env, boots: 1, check, confinement: confined, outside };
  return visitInSandbox({ ...wish, deadlineMs: SANDBOX_DEADLINE_MS });
}

async function timed(
  onStage: PipelineOptions['onStage'],
  make: () => Promise<Omit<StageReport, 'durationMs'>>,
): Promise<StageReport> {
  const begun = performance.now();
  const stage = { ...(await make()), durationMs: Math.round(performance.now() - begun) };
  onStage?.(stage);
  return stage;
}

const AgentFile = z.looseObject({
  schemas: z
    .strictObject({
      input: z.record(z.string(), z.unknown()).optional(),
      output: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});

/** What it declares in agent.json, or what its job's module tells. @throws Error that names the file */
async function schemasOf(folder: string, confined: Confinement): Promise<AgentSchemas> {
  const path = join(folder, 'agent.json');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const parsed = AgentFile.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`${path} is not valid: ${z.prettifyError(parsed.error)}`);
  const { input, output } = parsed.data.schemas ?? (await schemasInSandbox(folder, confined)) ?? {};
  return { ...(input && { input }), ...(output && { output }) };
}

export async function inputsOf(folder: string): Promise<CheckInputs> {
  const isThere = await stat(join(folder, INPUT_FILE)).catch(() => undefined);
  return isThere ? readInputs(folder) : {};
}

export const environmentOf = (
  folder: string,
  modes: { llm: LlmMode; outside?: OutsideMode },
  { env }: CheckInputs,
) =>
  agentEnvironment({
    folder,
    ...modes,
    recordings: RECORDINGS,
    from: process.env,
    ...(env && { given: env }),
  });

export interface EvalOptions extends AgentFolder {
  manifest: Pick<ReleaseManifest, 'models'>;
  llm: LlmMode;
  /** Of calls to anything but models; those are `replay` unless said. */
  outside?: OutsideMode;
}

/** The evaluation suite. Only where models are really asked the agent reaches beyond its sandbox. */
export async function evaluateFolder(options: EvalOptions): Promise<StageReport> {
  const begun = performance.now();
  const came = await evaluated(options);
  return { stage: 'evals', ...came, durationMs: Math.round(performance.now() - begun) };
}

async function evaluated({
  folder,
  command,
  manifest,
  llm,
  outside: mode = 'replay',
}: EvalOptions): Promise<Omit<StageReport, 'stage' | 'durationMs'>> {
  const suites = await readSuites(folder).catch((error: unknown) => {
    if (error instanceof BadSuite) return error;
    throw error;
  });
  if (suites instanceof BadSuite) return { verdict: 'fail', reason: shorten(suites.message), report: {} };
  if (suites.length === 0) return { ...verdictOfEvals([], [], [], manifest), report: {} };
  // To be recorded, calls have to come by the recorder.
  const isCut = mode === 'record' || !(llm === 'live' || llm === 'record');
  const confined = confinement(isCut);
  const gap = mode === 'record' && !confined.isCut ? confined.gaps.at(-1) : undefined;
  if (gap !== undefined) throw new Error(`calls outside cannot be recorded: ${gap}`);
  const inputs = await inputsOf(folder);
  const { env, secrets, named } = await environmentOf(folder, { llm, outside: mode }, inputs);
  const outside = { recordings: await readRecordings(folder), secrets: named, records: mode === 'record' };
  const seen = await visitInSandbox({
    ...{ folder, command, env, boots: 1, cases: caseJobs(suites) },
    ...{ confinement: confined, outside, deadlineMs: EVALS_DEADLINE_MS },
  });
  await writeRecordings(folder, seen.outside?.recorded ?? []);
  if (!seen.delivered) {
    const reason = shorten(`it did not boot: ${clean(seen.notBooted ?? '', secrets)}`);
    return { verdict: 'fail', reason, report: {} };
  }
  const judge = asksJudge(suites)
    ? openJudge({ folder, llm, recordings: RECORDINGS, env: process.env })
    : undefined;
  const report = await scoreSuites(suites, seen.delivered, judge);
  const { verdict, reason } = verdictOfEvals(report.suites, seen.delivered.flat(), report.judgedBy, manifest);
  const told = { ...report, llm, timings: seen.timings, ...(seen.outside && outsideReport(seen.outside)) };
  return {
    verdict,
    reason: shorten(clean([reason, ...outsideTold(seen.outside)].join('; '), secrets)),
    report: JSON.parse(clean(JSON.stringify(told), secrets)) as Record<string, unknown>,
  };
}

/** No key that was given for the models leaves this place, whatever the agent says. */
export const clean = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((all, secret) => all.replaceAll(secret, '[redacted]'), text);
