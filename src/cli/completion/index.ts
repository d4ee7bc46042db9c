/** `reveille completion <shell>`: prints what makes Tab complete commands and options. */
import { Argument, Command } from 'commander';
import { print } from '../output';
import { scriptFor, SHELLS, type Shell } from './scripts';
import { placesOf } from './words';

const HELP = `
bash   reveille completion bash > ~/.local/share/bash-completion/completions/reveille
zsh    reveille completion zsh > ~/.zfunc/_reveille      (a folder of your fpath)
fish   reveille completion fish > ~/.config/fish/completions/reveille.fish`;

export const completionCommand = (): Command => {
  const command = new Command('completion')
    .description('print a script that makes Tab complete commands and options')
    .addArgument(new Argument('<shell>', 'which').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => {
      // By then it has been added to the program, which knows everything else.
      const program = command.parent ?? command;
      print(scriptFor(shell, placesOf(program)).trimEnd());
    });
  return command;
};
