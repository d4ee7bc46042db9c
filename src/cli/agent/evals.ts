/** `reveille agent evals`: the evaluation suites of an agent while they are written, and their recordings made. */
import { realpath } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { SuiteScore } from '../../domain/eval/score';
import { assemble } from '../release/assemble';
import { bootable, teller } from '../release/validate';
import { LLM_MODES, OUTSIDE_MODES, type LlmMode, type OutsideMode } from '../../releases/sandbox/environment';
import { CliError, EXIT, UsageError } from '../exit';
import { print, printable, printJson } from '../output';

interface Options {
  llm: LlmMode;
  outside: OutsideMode;
  json?: true;
}

export const evalsCommand = (): Command =>
  new Command('evals')
    .description("run an agent's evaluation suites, without an orchestrator")
    .argument('<folder>', "the agent's folder, built, with its evals/")
    .addOption(
      new Option(
        '--llm <mode>',
        'replay: answer from evals/recordings; record: ask, and keep the answers there; live: ask; fake: make answers up',
      )
        .choices([...LLM_MODES])
        .default('replay'),
    )
    .addOption(
      new Option(
        '--outside <mode>',
        'calls to anything else; replay: answer from evals/outside; record: make them, and keep the answers there',
      )
        .choices([...OUTSIDE_MODES])
        .default('replay'),
    )
    .option('--json', 'print one JSON document instead of lines')
    .action(evals);

async function evals(path: string, { llm, outside, json }: Options): Promise<void> {
  const folder = await realpath(path).catch(() => {
    throw new UsageError(`There is no folder ${path}.`);
  });
  const { manifest } = await assemble(folder, 'agent', true);
  const { evaluateFolder } = await import('../../releases/pipeline.js');
  const stage = await evaluateFolder({ ...(await bootable(folder)), manifest, llm, outside });
  const suites = (stage.report['suites'] ?? []) as SuiteScore[];
  if (json) printJson(stage);
  else {
    for (const suite of suites) tellSuite(suite);
    teller(false)(stage);
  }
  if (stage.verdict === 'pass') return;
  throw new CliError(stage.verdict === 'fail' ? 'The evaluation failed.' : 'The evaluation could not tell.', {
    exitCode: stage.verdict === 'fail' ? EXIT.failed : EXIT.held,
    lines: mendOf(suites, path, llm),
  });
}

/** What its author may not see from within the agent: which command records, and why a variable is not there. */
function mendOf(suites: readonly SuiteScore[], path: string, llm: LlmMode): string[] {
  const problems = suites.flatMap(({ cases }) => cases.flatMap((one) => (one.passed ? [] : one.problems)));
  if (llm === 'replay' && problems.some((problem) => problem.includes('no recording at')))
    return [`What is not recorded is asked and recorded by: npx reveille agent evals ${path} --llm record`];
  if ((llm === 'record' || llm === 'live') && problems.some((problem) => problem.includes('is not set')))
    return [`Of your variables it was given those that ${path}/.env.example names.`];
  return [];
}

function tellSuite({ name, cases }: SuiteScore): void {
  for (const one of cases) {
    const { held, of } = one.times;
    const word = one.passed ? 'passed' : one.unknown ? 'not known' : 'failed';
    const often = of > 1 ? `, ${held} of ${of}${one.flaky ? ': flaky' : ''}` : '';
    print(printable(`  ${name}: ${one.name}: ${word}${often}`));
    if (!one.passed) for (const problem of one.problems) print(printable(`    ${problem}`));
  }
}
