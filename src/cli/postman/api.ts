/** The API by tag: one request for each operation of the OpenAPI document, whatever it is. */
import { folder, item, type Folder, type RequestSpec } from './format';
import { Schemas, type Schema } from './json-schema';
import { RECIPES, type Recipe } from './recipes';
import { carry, hasShape, hasStatus, isProblem, onlyWith } from './scripts';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Schema;
}

export interface Operation {
  operationId: string;
  tags: [string];
  summary: string;
  description?: string;
  security: unknown[];
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

export interface OpenApi {
  tags: Array<{ name: string; description: string }>;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

export interface Endpoint {
  method: string;
  path: string;
  operation: Operation;
}

export const endpointsOf = ({ paths }: OpenApi): Endpoint[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

/** One folder a tag, in the order of the document, those it does not describe last. */
export function apiFolders(document: OpenApi): Folder[] {
  const schemas = new Schemas(document.components.schemas);
  const endpoints = endpointsOf(document);
  const used = [...new Set(endpoints.map(({ operation }) => operation.tags[0]))];
  const untold = used.filter((tag) => !document.tags.some(({ name }) => name === tag));
  const tags = [...document.tags, ...untold.map((name) => ({ name, description: '' }))];
  return tags.map(({ name, description }) => {
    const of = endpoints.filter(({ operation }) => operation.tags[0] === name);
    return folder(
      name,
      description,
      of.flatMap((endpoint) => items(`API/${name}`, endpoint, schemas)),
    );
  });
}

function items(path: string, endpoint: Endpoint, schemas: Schemas) {
  const recipe = RECIPES[endpoint.operation.operationId] ?? {};
  const spec = specOf(endpoint, recipe, schemas);
  if (!recipe.also) return [item(path, spec)];
  return [item(path, spec), item(path, { ...spec, ...recipe.also, tests: recipe.also.tests, before: [] })];
}

function specOf(endpoint: Endpoint, recipe: Recipe, schemas: Schemas): RequestSpec {
  const { method, path, operation } = endpoint;
  const { summary, description, parameters, security, requestBody } = operation;
  const params = parameters.filter((p) => p.in === 'path');
  const json = requestBody?.content['application/json'];
  const body = recipe.body ?? (json && (schemas.sample(json.schema) as object)) ?? (requestBody && {});
  return {
    name: summary,
    method,
    base: 'orchestratorUrl',
    path,
    description: description ?? '',
    params: Object.fromEntries(params.map(({ name }) => [name, recipe.params?.[name] ?? `{{${name}}}`])),
    query: queryOf(parameters, recipe),
    headers: parameters
      .filter((p) => p.in === 'header')
      .map(({ name, description: about }) => ({
        key: name,
        value: '{{$guid}}',
        ...(about !== undefined && { description: about }),
      })),
    ...(body !== undefined && { body }),
    open: !security.some((scheme) => 'apiKey' in (scheme as object)),
    before: recipe.onlyWith === undefined ? [] : onlyWith(recipe.onlyWith),
    tests: testsOf(operation, recipe, schemas),
  };
}

/** Every query parameter, those without a value of the recipe switched off. */
function queryOf(parameters: Parameter[], recipe: Recipe): NonNullable<RequestSpec['query']> {
  const declared = parameters.filter((p) => p.in === 'query');
  const extra = Object.entries(recipe.query ?? {}).filter(
    ([key]) => !declared.some(({ name }) => name === key),
  );
  return [
    ...declared.map(({ name, required, description }) => ({
      key: name,
      value: recipe.query?.[name] ?? '',
      ...(!required && recipe.query?.[name] === undefined && { disabled: true }),
      ...(description !== undefined && { description }),
    })),
    ...extra.map(([key, value]) => ({ key, value })),
  ];
}

/** Without a recipe any answer of the document will do, each in the shape it says. */
function testsOf({ responses }: Operation, recipe: Recipe, schemas: Schemas): string[] {
  const documented = Object.keys(responses).map(Number);
  const shapes = documented.flatMap((status) => {
    const schema = responses[String(status)]?.content?.['application/json']?.schema;
    return schema ? hasShape(status, schemas.shape(schema)) : [];
  });
  const carried = Object.entries(recipe.carry ?? {}).flatMap(([variable, from]) =>
    carry(
      variable,
      from,
      documented.filter((status) => status < 300),
    ),
  );
  const expected = recipe.statuses ?? documented;
  // A route may describe an answer of 400 or more that is no problem, as readiness does.
  const refusals = expected.filter(
    (status) => status >= 400 && !responses[String(status)]?.content?.['application/json'],
  );
  return [
    ...hasStatus(...expected),
    ...shapes,
    ...(refusals.length > 0 ? isProblem(recipe.codes ?? []) : []),
    ...carried,
  ];
}
