/** Reads a strategy as people write it in YAML or JSON. Every problem names its place and how it is mended. */
import {
  CANARY_DEADLINE_MS,
  CANARY_TASKS,
  COMPARISONS,
  STRATEGIES,
  STRATEGY_DEFAULTS,
  stageProblems,
  type Comparison,
  type Condition,
  type Stage,
  type Strategy,
  type StrategyName,
} from './strategy';
import { parseReplay, parseTolerance } from './parse-replay';
import { conditionOf, dollars, rolloutMs, percentOf } from './words';

export interface StrategyProblem {
  /** As in `deployment.stages[1].canary`. */
  at: string;
  message: string;
}

export type ParsedStrategy = { ok: true; strategy: Strategy } | { ok: false; problems: StrategyProblem[] };

const MAX_STAGES = 20;
const MAX_CONDITIONS = 20;
const FIELDS = ['strategy', 'stages', 'rollback_on', 'cost_cap', 'duration', 'compare'];
const A_TIME = 'write a time like 30s, 5m or 1h, 90 days at most';

/** @param document `{ deployment: { strategy, stages?, rollback_on?, cost_cap?, duration?, compare? } }`, or what is in it */
export function parseStrategy(document: unknown): ParsedStrategy {
  return new Reading().strategy(document);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

class Reading {
  private readonly problems: StrategyProblem[] = [];

  strategy(document: unknown): ParsedStrategy {
    const wrapped = isObject(document) && 'deployment' in document;
    const root = wrapped ? 'deployment' : '';
    const body = wrapped ? document['deployment'] : document;
    if (!isObject(body)) {
      this.wrong(root, 'is no object: write `strategy: canary` and what belongs to it');
      return { ok: false, problems: this.problems };
    }
    const at = (field: string) => (root === '' ? field : `${root}.${field}`);
    for (const field of Object.keys(body).filter((f) => !FIELDS.includes(f)))
      this.wrong(at(field), `is not known here: use ${FIELDS.join(', ')}`);
    const name = STRATEGIES.find((s) => s === body['strategy']);
    if (!name) this.wrong(at('strategy'), `is to be one of ${STRATEGIES.join(', ')}`);
    const compare = this.compare(body['compare'], at('compare'), name);
    const given =
      body['stages'] === undefined ? undefined : this.stages(body['stages'], at('stages'), compare);
    const rollbackOn = this.conditions(body['rollback_on'], at('rollback_on'));
    const cap = this.costCap(body['cost_cap'], at('cost_cap'), name);
    const forMs = this.shadowTime(body['duration'], at('duration'), name);
    if (!name || this.problems.length > 0) return { ok: false, problems: this.problems };
    const stages = given ?? defaultsOf(name, compare, forMs);
    this.whole(name, stages, at('stages'));
    if (this.problems.length > 0) return { ok: false, problems: this.problems };
    return {
      ok: true,
      strategy: { name, stages, rollbackOn, ...(cap !== undefined && { costCapUsd: cap }) },
    };
  }

  private wrong(at: string, message: string): void {
    this.problems.push({ at: at === '' ? 'deployment' : at, message });
  }

  /** `25`, or `25 usd`. */
  private costCap(value: unknown, at: string, name: StrategyName | undefined): number | undefined {
    if (value === undefined) return undefined;
    if (name !== 'canary') this.wrong(at, 'is for the canary strategy: leave it out');
    const cap = dollars(typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '');
    if (cap === undefined || cap === 0) this.wrong(at, 'is no amount: write US dollars, e.g. 25');
    return cap;
  }

  private shadowTime(value: unknown, at: string, name: StrategyName | undefined): number | undefined {
    if (value === undefined) return undefined;
    if (name !== 'shadow') this.wrong(at, 'is for the shadow strategy: give each stage its own time');
    return this.time(value, at);
  }

  private compare(value: unknown, at: string, name: StrategyName | undefined): readonly Comparison[] {
    if (value === undefined) return COMPARISONS;
    if (name === 'direct')
      this.wrong(at, 'is for strategies that have a replay or a shadow stage: leave it out');
    const known = this.list(value, at, COMPARISONS.length, 'a list of what is compared').flatMap(
      (item, i) => {
        const found = COMPARISONS.find((c) => c === item);
        if (!found) this.wrong(`${at}[${i}]`, `is to be one of ${COMPARISONS.join(', ')}`);
        return found ?? [];
      },
    );
    if (known.length === 0 && this.problems.length === 0)
      this.wrong(at, 'is empty: leave it out to compare all');
    return [...new Set(known)];
  }

  private conditions(value: unknown, at: string): Condition[] {
    if (value === undefined) return [];
    return this.list(value, at, MAX_CONDITIONS, 'a list of conditions like error_rate > 1%').flatMap(
      (item, i) => {
        const read = conditionOf(item);
        if ('condition' in read) return read.condition;
        this.wrong(`${at}[${i}]`, read.problem);
        return [];
      },
    );
  }

  private stages(value: unknown, at: string, compare: readonly Comparison[]): Stage[] {
    const items = this.list(value, at, MAX_STAGES, 'a list of stages like - canary: 5%');
    if (Array.isArray(value) && items.length === 0) this.wrong(at, 'is empty: leave it out for the defaults');
    return items.flatMap((item, i) => {
      const place = `${at}[${i}]`;
      const [entry, ...rest] = isObject(item) ? Object.entries(item) : [];
      if (!entry || rest.length > 0) {
        this.wrong(place, 'is to hold one stage, as in `- validate: 30s`');
        return [];
      }
      return this.stage(entry[0], entry[1], `${place}.${entry[0]}`, compare) ?? [];
    });
  }

  private stage(kind: string, value: unknown, at: string, compare: readonly Comparison[]): Stage | undefined {
    switch (kind) {
      case 'validate':
        return { kind: 'validate', withinMs: this.time(value, at) };
      case 'warm_up':
        return { kind: 'warm-up', withinMs: this.time(value, at) };
      case 'replay':
        return { ...parseReplay(value, at, (place, message) => this.wrong(place, message)), compare };
      case 'shadow':
        return this.shadow(value, at, compare);
      case 'canary':
        return this.canary(value, at);
      case 'switch':
        if (value !== 'instant') this.wrong(at, 'is to be `instant`: a pointer moves at once');
        return { kind: 'switch' };
      case 'full':
        if (percentOf(value) !== 100) this.wrong(at, 'is to be 100%: put smaller shares into canary stages');
        return { kind: 'switch' };
      case 'cleanup':
        return { kind: 'cleanup', withinMs: this.time(value, at) };
      default:
        this.wrong(at, 'is no stage: use validate, warm_up, replay, shadow, canary, switch, full or cleanup');
        return undefined;
    }
  }

  /** `1h`, or `{ for: 1h, tolerance: … }`. */
  private shadow(value: unknown, at: string, compare: readonly Comparison[]): Stage {
    if (!isObject(value)) return { kind: 'shadow', forMs: this.time(value, at), compare };
    for (const field of Object.keys(value).filter((f) => f !== 'for' && f !== 'tolerance'))
      this.wrong(`${at}.${field}`, 'is not known here: use for, tolerance');
    const forMs = this.time(value['for'], `${at}.for`);
    const wrong = (place: string, message: string) => this.wrong(place, message);
    if (value['tolerance'] === undefined) return { kind: 'shadow', forMs, compare };
    const tolerance = parseTolerance(value['tolerance'], `${at}.tolerance`, wrong);
    return { kind: 'shadow', forMs, compare, tolerance };
  }

  /** `5%`, or `{ weight: 5%, for: 5m, tasks: 20, deadline: 7d }`. */
  private canary(value: unknown, at: string): Stage {
    const given: Record<string, unknown> = isObject(value) ? value : { weight: value };
    const fields = ['weight', 'for', 'tasks', 'deadline'];
    for (const field of Object.keys(given).filter((f) => !fields.includes(f)))
      this.wrong(`${at}.${field}`, `is not known here: use ${fields.join(', ')}`);
    const weight = percentOf(given['weight']);
    const place = isObject(value) ? `${at}.weight` : at;
    if (weight === undefined || weight === 100)
      this.wrong(
        place,
        'is to be a share above 0% and below 100%: write e.g. 5%, and `full: 100%` for the end',
      );
    const tasks = given['tasks'] ?? CANARY_TASKS;
    if (!Number.isInteger(tasks) || (tasks as number) < 1 || (tasks as number) > 100_000)
      this.wrong(`${at}.tasks`, 'is to be a whole number from 1 to 100000');
    const optional = (field: string, fallback: number) =>
      given[field] === undefined ? fallback : this.time(given[field], `${at}.${field}`);
    const [forMs, deadlineMs] = [optional('for', 0), optional('deadline', CANARY_DEADLINE_MS)];
    if (forMs >= deadlineMs) this.wrong(`${at}.deadline`, 'is not after its `for`: give it more time');
    return { kind: 'canary', weight: weight ?? 0, forMs, tasks: tasks as number, deadlineMs };
  }

  private time(value: unknown, at: string): number {
    const ms = rolloutMs(value);
    if (ms === undefined) this.wrong(at, `is no time: ${A_TIME}`);
    return ms ?? 0;
  }

  private list(value: unknown, at: string, max: number, what: string): unknown[] {
    if (Array.isArray(value) && value.length <= max) return value;
    this.wrong(at, Array.isArray(value) ? `has more than ${max} entries` : `is to be ${what}`);
    return [];
  }

  private whole(name: StrategyName, stages: readonly Stage[], at: string): void {
    for (const { index, message } of stageProblems(stages)) this.wrong(`${at}[${index}]`, message);
    const kinds = stages.map((s) => s.kind);
    if (name === 'direct' && kinds.includes('replay'))
      this.wrong(
        at,
        'of a direct deployment compare nothing: use the canary or the blue-green strategy for that',
      );
    if (name === 'shadow') {
      if (kinds.includes('switch') || kinds.includes('canary'))
        this.wrong(at, 'of a shadow moves no work: use the canary or the blue-green strategy for that');
    } else if (!kinds.includes('switch')) {
      this.wrong(at, 'never moves the pointer: end with `- full: 100%` or `- switch: instant`');
    }
    if (name === 'canary' && !kinds.includes('canary'))
      this.wrong(at, 'has no canary stage: add `- canary: 5%`');
    if (name === 'shadow' && !kinds.includes('shadow'))
      this.wrong(at, 'has no shadow stage: add `- shadow: 1h`');
  }
}

function defaultsOf(name: StrategyName, compare: readonly Comparison[], forMs?: number): Stage[] {
  return STRATEGY_DEFAULTS[name].stages.map((stage) =>
    stage.kind === 'shadow' ? { ...stage, compare, forMs: forMs ?? stage.forMs } : stage,
  );
}
