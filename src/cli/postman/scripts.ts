/** The JavaScript in the collection: what an answer must be, and what the next request takes from it. */
import type { Schema } from './json-schema';

/** Times are asked again while something is under way, half a second apart: a minute in all. */
export const MAX_POLLS = 120;
const POLL_MS = 500;

/** The answer has one of these statuses, and says so in a test's name. */
export const hasStatus = (...statuses: number[]): string[] => [
  `pm.test('answers ${statuses.join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(statuses)}));`,
];

/** A success has this shape. */
export const hasShape = (status: number, schema: Schema): string[] => [
  `if (pm.response.code === ${status}) {`,
  `  pm.test('has the shape of the API description', () => pm.response.to.have.jsonSchema(${JSON.stringify(schema)}));`,
  '}',
];

/** A refusal is a problem of the API, with one of these codes where they are given. */
export const isProblem = (codes: readonly string[]): string[] => [
  'if (pm.response.code >= 400) {',
  "  pm.test('says why not, and what to do', () => {",
  "    pm.expect(pm.response.headers.get('Content-Type')).to.include('application/problem+json');",
  '    const problem = pm.response.json();',
  "    pm.expect(problem).to.include.keys('title', 'status', 'code', 'hint', 'requestId');",
  ...(codes.length > 0 ? [`    pm.expect(problem.code).to.be.oneOf(${JSON.stringify(codes)});`] : []),
  '  });',
  '}',
];

/** Carries a value of the answer on, where there is one. */
export const carry = (variable: string, path: string, statuses: readonly number[]): string[] => [
  `if (${JSON.stringify(statuses)}.includes(pm.response.code)) {`,
  `  const value = pm.response.json()${path};`,
  `  if (value !== undefined) pm.collectionVariables.set('${variable}', value);`,
  '}',
];

/** One test with a body of its own. */
export const test = (name: string, ...lines: string[]): string[] => [
  `pm.test(${JSON.stringify(name)}, () => {`,
  ...lines.map((line) => `  ${line}`),
  '});',
];

/**
 * Sends this request again until an expression holds, then runs the tests.
 * @param condition JavaScript over `body`, the parsed answer
 */
export const pollUntil = (condition: string, then: string[]): string[] => [
  'const body = pm.response.json();',
  "const polls = Number(pm.collectionVariables.get('polls') || 0);",
  `if (!(${condition}) && polls < ${MAX_POLLS}) {`,
  "  pm.collectionVariables.set('polls', polls + 1);",
  '  pm.execution.setNextRequest(pm.info.requestId);',
  `  setTimeout(() => {}, ${POLL_MS});`,
  '} else {',
  "  pm.collectionVariables.unset('polls');",
  ...then.map((line) => `  ${line}`),
  '}',
];

/** Leaves a request out of a run unless somebody wants it. */
export const onlyWith = (variable: string): string[] => [
  `if (pm.variables.get('${variable}') !== 'yes') pm.execution.skipRequest();`,
];
