/** The dashboard and the alert rules that are shipped: valid, and about what /metrics really tells. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LRParser } from '@lezer/lr' with { 'resolution-mode': 'import' };
import { parse as parseYaml } from 'yaml';
import { startApi } from './support/api';

const read = (path: string) => readFileSync(join(__dirname, '../../docs', path), 'utf8');

interface Dashboard {
  panels: Array<{ title: string; targets: Array<{ expr: string }> }>;
}
interface Rules {
  groups: Array<{
    rules: Array<{ alert: string; expr: string; for: string; annotations: Record<string, string> }>;
  }>;
}

const dashboard = JSON.parse(read('grafana/reveille.json')) as Dashboard;
const rules = (parseYaml(read('prometheus/alerts.yml')) as Rules).groups.flatMap((group) => group.rules);
const panels = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

let parser: LRParser;

/** Names of the metrics in an expression. @throws when it is none */
function metricsIn(expr: string): string[] {
  const names: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) throw new Error(`not PromQL at ${from}: ${expr}`);
      if (type.name === 'Identifier' && /^[a-z]+_/.test(expr.slice(from, to)))
        names.push(expr.slice(from, to));
    },
  });
  return names;
}

let exposed: Set<string>;
beforeAll(async () => {
  ({ parser } = await import('@prometheus-io/lezer-promql'));
  const api = await startApi();
  const { text } = await api.call('GET', '/metrics');
  await api.close();
  exposed = new Set(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) => histogram(name, type)),
  );
});

const histogram = (name: string, type: string | undefined): string[] =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];

it('the parser knows what is no PromQL', () => {
  expect(() => metricsIn('sum by (le (rate(x_y[5m]))')).toThrow('not PromQL');
  expect(metricsIn('sum(rate(a_total{b="c"}[5m])) / d_e')).toEqual(['a_total', 'd_e']);
});

it.each([...panels, ...rules.map(({ expr }) => expr)])('%s is about what is told', (expr) => {
  const names = metricsIn(expr);
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !exposed.has(name))).toEqual([]);
});

it('the dashboard shows every metric of ours', () => {
  const shown = new Set(panels.flatMap(metricsIn));
  const ours = [...exposed].filter((name) => name.startsWith('reveille_') && !/_(sum|count)$/.test(name));
  expect(ours.filter((name) => !shown.has(name))).toEqual([]);
  expect(ours.length).toBeGreaterThan(15);
});

it('each rule says how long it has to hold, and what to do', () => {
  for (const { alert, for: hold, annotations } of rules) {
    expect(alert).toMatch(/^Reveille[A-Z]/);
    expect(hold).toMatch(/^\d+[ms]$/);
    expect(Object.keys(annotations)).toEqual(['summary', 'description']);
  }
});
