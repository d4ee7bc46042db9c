// A controller that is killed, by itself and at once, as it begins the stage that KILL_AT names.
const { resolve } = require('node:path');
const { interrupted } = require('../../../dist/cli/signals.js');
const { serve } = require('../../../dist/slots/serve.js');

const option = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1] ?? '';

void serve(
  {
    config: resolve(option('config')),
    repo: option('repo'),
    data: option('data'),
    port: Number(option('port')),
    hooks: {
      stage: (stage) => {
        if (stage === process.env.KILL_AT) process.kill(process.pid, 'SIGKILL');
      },
      promoted: async () => undefined,
    },
  },
  interrupted(),
);
