/** What the help says of each command; made by `npm run docs:cli`. */
export const LISTING: ReadonlyArray<{ name: string; term: string; description: string }> = [
  {
    name: 'demo',
    term: 'demo [options]',
    description: 'start everything on this machine and audit a web site with three agents',
  },
  {
    name: 'dev',
    term: 'dev [options]',
    description: 'run the installation on this machine while it is being written, reloaded on change',
  },
  {
    name: 'doctor',
    term: 'doctor [options]',
    description: 'examine the installation; exit code 1 when something fails',
  },
  {
    name: 'redeploy',
    term: 'redeploy [options] <agent>',
    description: "build and deploy the head of an agent's branch on its platform",
  },
  { name: 'new', term: 'new', description: 'make something new in the repository of an orchestrator' },
  { name: 'platform', term: 'platform', description: 'check a platform that hosts capsules' },
  { name: 'agent', term: 'agent', description: 'run, try and check an agent while it is being written' },
  {
    name: 'run',
    term: 'run [options] <workflow>',
    description: 'start a run of a workflow; --watch follows it to its end',
  },
  { name: 'runs', term: 'runs [options]', description: 'list runs, newest first' },
  {
    name: 'logs',
    term: 'logs [options] [run]',
    description: 'print what happened to a run, line by line; with -f what happens from now on',
  },
  {
    name: 'cancel',
    term: 'cancel [options] <run>',
    description: 'cancel a run; once more, and its last steps are given up, too',
  },
  {
    name: 'rerun',
    term: 'rerun [options] <run>',
    description: 'start a run again; what comes before the step is taken over',
  },
  {
    name: 'top',
    term: 'top [options]',
    description: 'show what goes on now, refreshed until q or Ctrl-C; in a pipe once',
  },
  {
    name: 'workflows',
    term: 'workflows [options] [workflow]',
    description: 'list workflows and when each runs next, or show one',
  },
  { name: 'agents', term: 'agents [options]', description: 'list the agents of the installation' },
  {
    name: 'capsules',
    term: 'capsules [options]',
    description: 'list capsules, and what keeps the awake ones awake',
  },
  {
    name: 'approvals',
    term: 'approvals [options] [id]',
    description: 'list what waits for a person, or show one of it',
  },
  { name: 'approve', term: 'approve [options] <id>', description: 'say yes to what waits for a person' },
  {
    name: 'reject',
    term: 'reject [options] <id>',
    description: 'say no to what waits for a person, or send it back',
  },
  {
    name: 'oversight',
    term: 'oversight [options] <agent>',
    description: 'show how far an agent is trusted and why, or change it',
  },
  {
    name: 'protocol',
    term: 'protocol',
    description: 'trust agents step by step, by a policy file and the calendar',
  },
  {
    name: 'kill',
    term: 'kill [options]',
    description: 'stop everything (--all), or turn an agent or a workflow off',
  },
  {
    name: 'pause',
    term: 'pause [options] [workflow]',
    description: 'turn something off: nothing of it is woken or sent until it is resumed',
  },
  {
    name: 'resume',
    term: 'resume [options] [workflow]',
    description: 'turn it on again: what was held goes on in its order',
  },
  { name: 'switches', term: 'switches [options]', description: 'list what is switched off, by whom and why' },
  {
    name: 'breakers',
    term: 'breakers [options]',
    description: 'list the breakers of agents, and what they hold',
  },
  {
    name: 'why',
    term: 'why [options] <run>',
    description: 'say why a run does not move, and what would release it',
  },
  {
    name: 'replay',
    term: 'replay [options]',
    description: 'start runs that are over again, after showing which',
  },
  {
    name: 'diff',
    term: 'diff [options] <a> <b>',
    description: 'compare what two runs delivered; exit code 1 when it differs',
  },
  { name: 'costs', term: 'costs [options]', description: 'what was awake for whom, and what it cost' },
  { name: 'budgets', term: 'budgets', description: 'how much may be spent and done, and how much is left' },
  {
    name: 'release',
    term: 'release',
    description: 'put releases on record, compare them, and move the pointers',
  },
  {
    name: 'lineage',
    term: 'lineage [options] <id>',
    description: 'tell which release did the work of a run, and from what; or what a release did',
  },
  {
    name: 'audit',
    term: 'audit',
    description: 'what was done, by whom, and whether the record of it is whole',
  },
  {
    name: 'login',
    term: 'login [options]',
    description: 'try a key and keep it; it is asked for, or read from standard input',
  },
  {
    name: 'logout',
    term: 'logout [options]',
    description: 'forget the key of a profile; the key itself stays good until it is revoked',
  },
  {
    name: 'whoami',
    term: 'whoami [options]',
    description: 'who you are at an orchestrator, and what you may do',
  },
  { name: 'keys', term: 'keys', description: 'API keys: who may use the orchestrator, and for what' },
  { name: 'inbox', term: 'inbox [options]', description: 'list what agents delivered, newest first' },
  { name: 'schedule', term: 'schedule', description: 'look at schedules before they fire' },
  {
    name: 'slots',
    term: 'slots [command]',
    description: 'Deploys, checks, swaps and rolls back an app on this machine, without downtime.',
  },
  { name: 'notify', term: 'notify', description: 'messages to people: alerts, and what waits for them' },
  {
    name: 'mcp',
    term: 'mcp [options]',
    description: 'serve the Model Context Protocol on standard input and output, for an assistant',
  },
  {
    name: 'completion',
    term: 'completion <shell>',
    description: 'print a script that makes Tab complete commands and options',
  },
];
