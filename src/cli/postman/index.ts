/** The Postman collection and its environment, made from the OpenAPI document and the agent contract. */
import { openApiDocument } from '../../http/openapi';
import { ROUTES } from '../../http/routes';
import { agentFolder } from './agent';
import { apiFolders, type OpenApi } from './api';
import { driveFolder } from './drive';
import { idOf, type Folder } from './format';

const COLLECTION_NAME = 'Reveille';
const DESCRIPTION =
  'Test an agent in isolation, drive a workflow, and try every route of the API. Import the environment beside ' +
  'this file, choose it, and set its addresses. Each request says in its tests what is to be expected. ' +
  'Made by `npm run postman`; changes by hand are lost.';

export const COLLECTION_FILE = 'postman/reveille.postman_collection.json';
export const ENVIRONMENT_FILE = 'postman/reveille.postman_environment.json';

export interface Collection {
  info: { _postman_id: string; name: string; description: string; schema: string };
  auth: object;
  item: Folder[];
  variable: Array<{ key: string; value: string }>;
}

export interface Environment {
  id: string;
  name: string;
  values: Array<{ key: string; value: string; type: 'default' | 'secret'; enabled: true }>;
  _postman_variable_scope: 'environment';
}

/** What one request carries on to the next; nothing to set by hand. */
const CARRIED: Record<string, string> = {
  runId: '',
  rerunId: '',
  buildId: 'none-yet',
  deliveryId: '00000000-0000-0000-0000-000000000000',
  bin: 'postman',
  budgetId: 'none-yet',
  protocolId: 'none-yet',
  screen: 'run',
  id: '{{runId}}',
  file: 'none.js',
};

export function collection(document = openApiDocument(ROUTES) as unknown as OpenApi): Collection {
  return {
    info: {
      _postman_id: idOf(COLLECTION_NAME),
      name: COLLECTION_NAME,
      description: DESCRIPTION,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{apiKey}}', type: 'string' }] },
    item: [
      agentFolder(),
      driveFolder(),
      {
        id: idOf('API'),
        name: 'API',
        description:
          'Every route, by tag. `redeploy` and `streamEvents` set to `yes` include what is left out of a run.',
        item: apiFolders(document),
      },
    ],
    variable: Object.entries(CARRIED).map(([key, value]) => ({ key, value })),
  };
}

export function environment(): Environment {
  const plain = (key: string, value: string) => ({
    key,
    value,
    type: 'default' as const,
    enabled: true as const,
  });
  const secret = (key: string) => ({ key, value: '', type: 'secret' as const, enabled: true as const });
  return {
    id: idOf('environment'),
    name: 'Reveille on this machine',
    values: [
      plain('orchestratorUrl', 'http://localhost:3000'),
      plain('agentUrl', 'http://localhost:3001'),
      plain('webhookUrl', '{{orchestratorUrl}}/inbox/postman'),
      plain('workflowId', 'site-audit'),
      plain('agentId', 'site-crawler'),
      plain('redeploy', 'no'),
      plain('streamEvents', 'no'),
      // Empty where the orchestrator has no key and is on this machine.
      secret('apiKey'),
    ],
    _postman_variable_scope: 'environment',
  };
}

/** The files as they are written, by path from the root of the repository. */
export const postmanFiles = (): Record<string, string> => ({
  [COLLECTION_FILE]: `${JSON.stringify(collection(), null, 2)}\n`,
  [ENVIRONMENT_FILE]: `${JSON.stringify(environment(), null, 2)}\n`,
});
