/** `reveille new agent <name>`: a new agent from the template, known to the orchestrator. */
import { Command, Option } from 'commander';
import { EXIT } from '../exit';
import { print, printJson } from '../output';
import { paintFor, type Paint } from '../terminal';
import { edit, planAgent, rootOf, writeFolder, type Edited, type Plan } from './create';
import { LANGUAGES, type Language } from './names';

interface Options {
  lang: Language;
  dryRun: boolean;
  json: boolean;
}

/** `reveille new …`. */
export function newCommand(): Command {
  return new Command('new')
    .description('make something new in the repository of an orchestrator')
    .addCommand(newAgentCommand());
}

function newAgentCommand(): Command {
  return new Command('agent')
    .description('make an agent from the template, add it to the registry and its variables to .env.example')
    .argument('<name>', 'its id, e.g. my-new-agent')
    .addOption(new Option('--lang <language>', 'what it is written in').choices(LANGUAGES).default('ts'))
    .option('--dry-run', 'show what would be made, and make nothing', false)
    .option('--json', 'print one JSON document instead of lines', false)
    .action(async (name: string, options: Options) => {
      process.exitCode = await newAgent(name, options);
    });
}

async function newAgent(name: string, { lang, dryRun, json }: Options): Promise<number> {
  const plan = planAgent(rootOf(process.cwd(), lang), name, lang);
  if (!dryRun) await writeFolder(plan);
  const edited = await edit(plan, !dryRun);
  if (json) printJson(documentOf(plan, edited, dryRun));
  else for (const line of linesOf(plan, edited, dryRun)) print(line);
  return EXIT.ok;
}

const documentOf = ({ names, language, folder, port, files }: Plan, edited: Edited[], dryRun: boolean) => ({
  agent: names.id,
  language,
  dryRun,
  folder,
  files: files.map(({ path }) => path),
  port,
  edits: edited,
  next: next({ folder, language, port }),
});

function linesOf(plan: Plan, edited: Edited[], dryRun: boolean): string[] {
  const { folder, files, names } = plan;
  const paint = paintFor(process.stdout, process.env);
  const made = dryRun ? 'would make' : 'made';
  return [
    `${made}  ${paint.bold(folder)}  (${files.length} files)`,
    ...(dryRun ? files.map(({ path }) => paint.dim(`  ${path}`)) : []),
    ...edited.flatMap((each) => editLines(each, dryRun, paint)),
    '',
    'Next:',
    ...next(plan).map((command) => `  ${paint.bold(command)}`),
    '',
    `Then write its job in ${folder}/${jobFile(plan)}, and let a step of a workflow name it: agent: '${names.id}'.`,
    `The orchestrator asks for ${names.variables.capsuleId} from its next start on.`,
  ];
}

function editLines({ path, added, outcome }: Edited, dryRun: boolean, paint: Paint): string[] {
  const lines = added.split('\n').map((line) => `  ${line}`);
  if (outcome === 'there already') return [`left  ${path}  (it has the lines already)`];
  if (outcome === 'by hand')
    return [paint.warn(`Add this to ${path} yourself; there is no place for it that is known:`), ...lines];
  return dryRun ? [`would add to  ${path}`, ...lines.map((line) => paint.dim(line))] : [`added to  ${path}`];
}

const jobFile = ({ language, names }: Plan): string =>
  language === 'ts' ? `src/jobs/${names.job}.ts` : `jobs/${names.job}.py`;

/** The three commands that try it; the last in another terminal, while the second runs. */
function next({ folder, language, port }: Pick<Plan, 'folder' | 'language' | 'port'>): string[] {
  return [
    language === 'ts'
      ? `npm install && npm test -w ${folder}`
      : `(cd ${folder} && python3 -m unittest --buffer)`,
    `npx reveille agent dev ${folder} --port ${port}`,
    `npx reveille agent check http://localhost:${port} --input ${folder}`,
  ];
}
