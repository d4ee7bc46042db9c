/** `reveille release validate`: the stages of the pipeline that need the agent's folder, and their verdicts. */
import { realpath } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import type { PermissionBound } from '../../domain/release/permissions';
import { checkRelease } from '../../domain/release/static-check';
import { DEFAULT_TOLERANCE_PERCENT, MAX_TOLERANCE_PERCENT, type Profile } from '../../domain/release/profile';
import { worstOf, type VerdictKind } from '../../domain/rollout/verdict';
import { AgentUsesView, VerdictView } from '../../http/views/verdict';
import { ReleaseView } from '../../http/views/release';
import { webCommand } from '../../platforms/local/procfile';
import type { AgentFolder } from '../../releases/pipeline';
import type { LlmMode } from '../../releases/sandbox/environment';
import type { StageReport } from '../../releases/stages';
import { apiOf, overApi, type ApiClient, type ApiOptions } from '../client';
import { CliError, EXIT, UsageError } from '../exit';
import { print, printable, printJson } from '../output';
import { Progress } from '../progress';
import { paintFor, type Paint } from '../terminal';
import { assemble } from './assemble';
import { EnvironmentList, findRelease, short, type Release } from './commands';

export interface ValidateOptions extends ApiOptions {
  folder?: string;
  llm?: LlmMode;
  tolerance?: number;
  allChecks?: true;
}

export const validateCommand = (): Command =>
  overApi(
    new Command('validate')
      .description("validate a release where its agent's folder is, and tell the orchestrator the verdicts")
      .argument('<release>', 'its id, or the beginning of it')
      .option('--folder <path>', "the agent's folder, built (default: agents/<agent>)")
      .option(
        '--llm <mode>',
        'how models are asked in evaluations: replay (recorded answers), live, or fake (tells nothing)',
        llmMode,
        'replay',
      )
      .option(
        '--tolerance <percent>',
        `time and memory it may take beyond what is stable (default: the policy's, or ${DEFAULT_TOLERANCE_PERCENT})`,
        percent,
      )
      .option('--all-checks', 'all checks of the contract, also those that wait, as "reveille agent check"'),
  ).action(async (wanted: string, options: ValidateOptions) => {
    const api = apiOf(options);
    await validateRelease(api, await findRelease(api, wanted), options);
  });

function llmMode(value: string): LlmMode {
  if (value === 'replay' || value === 'live' || value === 'fake') return value;
  if (value === 'record')
    throw new InvalidArgumentError('answers are recorded before a release is made: reveille agent evals');
  throw new InvalidArgumentError('write replay, live or fake');
}

function percent(value: string): number {
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0 || number > MAX_TOLERANCE_PERCENT)
    throw new InvalidArgumentError(`write a number from 0 to ${MAX_TOLERANCE_PERCENT}`);
  return number;
}

/** @throws CliError when a stage failed, or could not tell */
export async function validateRelease(
  api: ApiClient,
  release: Release,
  options: ValidateOptions,
): Promise<void> {
  const progress = options.json ? undefined : new Progress();
  let stages: StageReport[];
  try {
    stages = await stagesOf(api, release, options, progress);
  } finally {
    progress?.end();
  }
  if (!isEvaluated(release) && !options.json)
    print('- evals     none: it has no evals/, and neither models nor prompts');
  for (const stage of stages)
    await api.post(`/releases/${release.id}/verdicts`, VerdictView, { body: { ...stage } });
  conclude(release, stages);
}

/** Each stage is told as it ends. */
async function stagesOf(
  api: ApiClient,
  release: Release,
  { folder: given, llm = 'replay', tolerance, allChecks, json }: ValidateOptions,
  progress: Progress | undefined,
): Promise<StageReport[]> {
  const tell = teller(json, progress);
  const agent = await folderOf(release, given ?? `agents/${release.agentId}`);
  const incumbent = await incumbentOf(api, release);
  const { uses, schemas, bounds } = await api.get(
    `/agents/${encodeURIComponent(release.agentId)}/uses`,
    AgentUsesView,
  );
  tell(staticStage(release, agent.parts, incumbent.release, bounds));
  // Loaded where it is needed: most commands start without it.
  const { evaluateFolder, validateFolder } = await import('../../releases/pipeline.js');
  const stages: StageReport[] = await wrapped(() =>
    validateFolder({
      ...agent,
      ...{ agentId: release.agentId, uses, allChecks: allChecks === true, onStage: tell },
      others: new Map(Object.entries(schemas)) as never,
      ...(incumbent.profile && { incumbent: incumbent.profile }),
      tolerancePercent: tolerance ?? incumbent.tolerancePercent,
    }),
  );
  if (isEvaluated(release)) {
    const evals = await wrapped(() => evaluateFolder({ ...agent, manifest: release.manifest, llm }));
    tell(evals);
    stages.push(evals);
  }
  return stages;
}

/** What has neither cases nor anything that they are there for is done. */
const isEvaluated = ({ manifest: { evals = [], models, prompts } }: Release): boolean =>
  evals.length + models.length + prompts.length > 0;

/** The folder has to be the release: nothing else is worth judging under its name. */
export async function folderOf(
  release: Release,
  path: string,
): Promise<AgentFolder & { parts: Map<string, Buffer> }> {
  const isDirty = release.manifest.code.files !== undefined;
  const { id, parts } = await assemble(path, release.agentId, isDirty);
  if (id !== release.id)
    throw new UsageError(`${path} is not release ${short(release.id)}: it would be ${short(id)}.`, {
      lines: [
        'Check out what the release was made of, or put this one on record: "reveille release create".',
      ],
    });
  return { ...(await bootable(await realpath(path))), parts };
}

/** @throws UsageError where there is no Procfile that starts it */
export async function bootable(folder: string): Promise<AgentFolder> {
  const command = await webCommand(folder).catch((cause: Error) => {
    throw new UsageError(cause.message, { cause });
  });
  return { folder, command };
}

export const wrapped = <T>(work: () => Promise<T>, what = 'validation'): Promise<T> =>
  work().catch((cause: Error) => {
    throw new CliError(`The ${what} could not be done: ${cause.message}`, { cause });
  });

const VerdictList = z.object({ items: z.array(VerdictView) });

/** What works now in the environment that the orchestrator works by, unless that is the release itself. */
async function incumbentOf(
  api: ApiClient,
  { id, agentId }: Release,
): Promise<{ release?: Release; profile?: Profile; tolerancePercent: number }> {
  const { current, items } = await api.get('/environments', EnvironmentList);
  const env = items.find((e) => e.agentId === agentId && e.name === current);
  const tolerancePercent = env?.policy.tolerancePercent ?? DEFAULT_TOLERANCE_PERCENT;
  const stable = env?.stable ?? undefined;
  if (stable === undefined || stable === id) return { tolerancePercent };
  const [release, { items: verdicts }] = await Promise.all([
    api.get(`/releases/${stable}`, ReleaseView),
    api.get(`/releases/${stable}/verdicts`, VerdictList),
  ]);
  const profile = verdicts.find((v) => v.stage === 'resources')?.profile ?? undefined;
  return { release, tolerancePercent, ...(profile && { profile }) };
}

type Told = Pick<StageReport, 'verdict' | 'reason' | 'durationMs'> & { stage: string };

/** As the orchestrator will judge it itself before each rollout. */
function staticStage(
  release: Release,
  parts: ReadonlyMap<string, Buffer>,
  incumbent: Release | undefined,
  bounds: readonly PermissionBound[],
): Told {
  const begun = performance.now();
  const texts = new Map([...parts].map(([hash, content]) => [hash, content.toString('utf8')]));
  const { parent: _, createdAt: __, ...rest } = release;
  const findings = checkRelease({ ...rest, createdAt: 0 }, texts, incumbent?.manifest, bounds);
  const verdict = worstOf(findings.map((f) => f.verdict));
  const told = findings.filter((f) => f.verdict === verdict).map((f) => f.message);
  const reason = verdict === 'pass' ? `${findings.length} checks` : told.join('; ');
  return { stage: 'static', verdict, reason, durationMs: Math.round(performance.now() - begun) };
}

const MARKS: Record<VerdictKind, string> = { pass: '✓', fail: '✗', inconclusive: '?' };

/** One line for each stage, or one document. */
export function teller(json: boolean, progress?: Progress): (stage: Told) => void {
  const paint = paintFor(process.stdout, process.env);
  return ({ stage, verdict, reason, durationMs }) => {
    if (json) return printJson({ stage, verdict, reason, durationMs });
    progress?.end();
    const line = `${colourOf(verdict, paint)(MARKS[verdict])} ${stage.padEnd(9)} ${verdict.padEnd(12)}`;
    print(`${line} ${paint.dim(`${(durationMs / 1_000).toFixed(2)} s`.padStart(8))}  ${printable(reason)}`);
    progress?.show(`after ${stage}: the next stage is at work`);
  };
}

function colourOf(verdict: VerdictKind, paint: Paint): (text: string) => string {
  return verdict === 'pass' ? paint.good : verdict === 'fail' ? paint.bad : paint.warn;
}

/** @throws CliError when a stage failed, or could not tell */
export function conclude({ id }: Release, stages: readonly StageReport[]): void {
  const of = (kind: VerdictKind) => stages.filter((s) => s.verdict === kind).map((s) => s.stage);
  const [failed, open] = [of('fail'), of('inconclusive')];
  if (failed.length > 0)
    throw new CliError(`Release ${short(id)} failed: ${failed.join(', ')}.`, {
      lines: ['Mend it, and put what came of it on record as another release.'],
    });
  if (open.length > 0)
    throw new CliError(`Release ${short(id)}: ${open.join(', ')} could not tell.`, {
      lines: ['Nothing ships by that where it is demanded: do what the lines above say.'],
      exitCode: EXIT.held,
    });
}
