/** Schemas of the OpenAPI document, cut down to what a test of a shape needs, and samples made from them. */

export type Schema = Record<string, unknown>;

/** Deeper parts of a shape are not looked at: the schema would fill the screen of whoever reads the test. */
const SHAPE_DEPTH = 4;
const SAMPLE_DEPTH = 6;
const KEPT = ['type', 'enum', 'const', 'required'] as const;

export class Schemas {
  constructor(private readonly components: Record<string, Schema>) {}

  /** Types and required members, without references, formats and descriptions. */
  shape(schema: Schema, depth = SHAPE_DEPTH): Schema {
    const of = this.resolved(schema);
    if (depth === 0) return {};
    const kept = KEPT.filter((key) => key in of).map((key) => [key, of[key]] as const);
    // Cut off below, the members of a oneOf may look the same.
    const members = of['anyOf'] ?? of['oneOf'];
    const anyOf = Array.isArray(members) && (members as Schema[]).map((each) => this.shape(each, depth));
    const { properties, items } = of as { properties?: Record<string, Schema>; items?: Schema };
    return {
      ...Object.fromEntries(kept),
      ...(anyOf && { anyOf }),
      ...(properties && {
        properties: Object.fromEntries(
          Object.entries(properties).map(([key, each]) => [key, this.shape(each, depth - 1)]),
        ),
      }),
      ...(items && { items: this.shape(items, depth - 1) }),
    };
  }

  /** A value that fits: members that are required, each as plain as can be. */
  sample(schema: Schema, depth = SAMPLE_DEPTH): unknown {
    const of = this.resolved(schema) as Schema & {
      properties?: Record<string, Schema>;
      required?: string[];
      anyOf?: Schema[];
      oneOf?: Schema[];
      enum?: unknown[];
    };
    const [first] = of.anyOf ?? of.oneOf ?? [];
    if ('default' in of) return of['default'];
    if ('const' in of) return of['const'];
    if (of.enum) return of.enum[0];
    if (first) return this.sample(first, depth);
    switch (of['type']) {
      case 'object': {
        const { properties = {}, required = [] } = of;
        const members = depth > 0 ? required.filter((key) => key in properties) : [];
        return Object.fromEntries(members.map((key) => [key, this.sample(properties[key] ?? {}, depth - 1)]));
      }
      case 'array':
        return [];
      case 'number':
      case 'integer':
        return typeof of['minimum'] === 'number' ? of['minimum'] : 1;
      case 'boolean':
        return false;
      default:
        return sampleText(of['format']);
    }
  }

  private resolved(schema: Schema): Schema {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema['$ref']))?.[1];
    const target = name === undefined ? undefined : this.components[name];
    return target ? this.resolved(target) : schema;
  }
}

function sampleText(format: unknown): string {
  if (format === 'uuid') return '00000000-0000-0000-0000-000000000001';
  if (format === 'date-time') return '2026-01-01T00:00:00.000Z';
  return format === 'uri' ? 'https://example.com/' : 'text';
}
