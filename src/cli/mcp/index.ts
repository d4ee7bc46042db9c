/** `reveille mcp`: lets an assistant operate the orchestrator, over its API and with this user's key. */
import { Command, Option } from 'commander';
import { apiOf, overApi, type ApiOptions } from '../client';
import { aborted, interrupted } from '../signals';
import { TRUSTABLE, type Trustable } from './trust';

const HELP = `
What changes something asks a person first, by way of the assistant's own program (elicitation).
To add it to an assistant, let it start:  reveille mcp --url <url>  with REVEILLE_API_KEY set, or a
profile of "reveille login"; the key's scopes bound what it can do.`;

export const mcpCommand = (): Command =>
  overApi(
    new Command('mcp')
      .description('serve the Model Context Protocol on standard input and output, for an assistant')
      .addOption(
        new Option('--trust <tool...>', 'tools that need no person to confirm')
          .choices(TRUSTABLE)
          .default([]),
      )
      .addHelpText('after', HELP),
  ).action(async (options: ApiOptions & { trust: Trustable[] }) => {
    const api = apiOf(options);
    // Loaded when it is wanted: the other commands start without the protocol.
    const { serve } = await import('./server.js');
    const handle = serve(api, options.trust);
    await Promise.race([aborted(interrupted()), handle.closed]);
    await handle.close();
  });
