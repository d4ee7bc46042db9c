/** What a step is given to work on. */
import fc from 'fast-check';
import type { StepPlan } from '../../src/domain/plan';
import { stepInput } from '../../src/domain/step-input';

type Json = Record<string, unknown>;

const step = (id: string, input?: Json): StepPlan => ({
  id,
  kind: 'agent',
  agentId: 'agent',
  timeoutMs: 1,
  attempts: 1,
  backoffMs: 1,
  maxBackoffMs: 1,
  ...(input && { input }),
});

const plan = [step('crawl'), step('analyse', { depth: 1, url: 'static' }), step('report')];

it('gives the first step the run’s input over its own', () => {
  expect(stepInput(plan, 'crawl', { url: 'x' }, new Map())).toEqual({ url: 'x', steps: {} });
  expect(stepInput(plan, 'analyse', { url: 'x' }, new Map())).toEqual({ url: 'x', depth: 1, steps: {} });
});

it('merges the outputs before it over the input in order, and keeps each by its step', () => {
  const crawled = { pages: 3, title: 'crawl' };
  const analysed = { title: 'analyse', url: 'z' };
  const outputs = new Map<string, Json>([
    ['analyse', analysed],
    ['crawl', crawled],
  ]);
  expect(stepInput(plan, 'report', { url: 'x', lang: 'en' }, outputs)).toEqual({
    url: 'z',
    lang: 'en',
    pages: 3,
    title: 'analyse',
    steps: { crawl: crawled, analyse: analysed },
  });
});

it('gives a step neither its own output nor those after it', () => {
  const outputs = new Map<string, Json>([
    ['crawl', { a: 1 }],
    ['analyse', { b: 2 }],
    ['report', { c: 3 }],
  ]);
  const input = stepInput(plan, 'analyse', {}, outputs);
  expect(input).toMatchObject({ a: 1, steps: { crawl: { a: 1 } } });
  expect(Object.keys(input)).not.toEqual(expect.arrayContaining(['b']));
  expect(Object.keys(input.steps as Json)).toEqual(['crawl']);
});

it('loses no output to a clash, not even to one named steps or __proto__', () => {
  const key = fc.constantFrom('a', 'b', 'steps', '__proto__', 'constructor');
  const output = fc
    .array(fc.tuple(key, fc.jsonValue()))
    .map((entries) => Object.fromEntries(entries) as Json);
  fc.assert(
    fc.property(output, output, output, (input, first, second) => {
      const outputs = new Map([
        ['crawl', first],
        ['analyse', second],
      ]);
      const given = stepInput(plan, 'report', input, outputs);
      expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
      const bySteps = given.steps as Record<string, Json>;
      expect(bySteps.crawl).toBe(first);
      expect(bySteps.analyse).toBe(second);
      for (const name of ['a', 'b', '__proto__', 'constructor']) {
        const last = [second, first, input].find((layer) => Object.hasOwn(layer, name));
        expect(Object.hasOwn(given, name)).toBe(last !== undefined);
        if (last)
          expect(Object.getOwnPropertyDescriptor(given, name)?.value).toBe(
            Object.getOwnPropertyDescriptor(last, name)?.value,
          );
      }
    }),
  );
});
