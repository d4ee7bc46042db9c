/** Calls of the deployment API over gRPC: messages made from the .proto, and frames that are none of them. */
import { join } from 'node:path';
import { loadSync, type MessageTypeDefinition, type MethodDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import type { Headers, Scene } from './scene';
import { ANY, HOSTILE_TEXTS } from './values';

const PROTO = join(__dirname, '../../proto/reveille/deployments/v1/deployments.proto');
const PACKAGE = 'reveille.deployments.v1';
const DEFINITION = loadSync(PROTO, { keepCase: true, longs: Number, enums: String });
const METHODS = Object.values(DEFINITION[`${PACKAGE}.AgentDeployment`] ?? {}) as ReadonlyArray<
  MethodDefinition<object, object>
>;

/** Bytes after a method's path; what is wrong with them is in the bytes. */
export interface FuzzCall {
  /** Absent: for no method. */
  method?: string;
  path: string;
  headers: Headers;
  body: Buffer;
}

type Message = Record<string, unknown>;
interface Field {
  name: string;
  type: string;
  label: string;
  typeName: string;
}

const MAX_DEPTH = 4;
const LISTED = 3;
/** Words of a strategy, right and wrong. */
const WORDS = [
  ...[
    'canary',
    'shadow',
    'blue-green',
    'direct',
    '5%',
    '100%',
    '0%',
    '1h',
    '1s',
    '-1s',
    '9999999d',
    'instant',
  ],
  ...[
    'error_rate > 1%',
    'p99_latency > 100ms',
    'error_rate',
    'output_equivalence',
    '0.5',
    '1e999',
    'meta.at',
  ],
];

export const callsFor = (scene: Scene): fc.Arbitrary<FuzzCall> =>
  fc.oneof(...METHODS.map((method) => ({ weight: 4, arbitrary: callOf(method, scene) })), {
    weight: 2,
    arbitrary: strayCall(scene),
  });

function callOf(method: MethodDefinition<object, object>, scene: Scene): fc.Arbitrary<FuzzCall> {
  const name = method.path.slice(method.path.lastIndexOf('/') + 1);
  const generated = messageOf(method.requestType, scene, 0);
  const message = fc.oneof(
    generated,
    fc.tuple(ANY, ANY).map((at) => known(name, scene, ...at)),
  );
  return fc.record({ message, caller: ANY, damage }).map(({ message: made, caller, damage: harm }) => ({
    ...{ method: name, path: method.path, headers: scene.caller(caller) },
    body: harm(Buffer.from(method.requestSerialize(made))),
  }));
}

function messageOf(
  type: MessageTypeDefinition<object, object>,
  scene: Scene,
  depth: number,
): fc.Arbitrary<Message> {
  const { field } = type.type as unknown as { field: Field[] };
  const members = Object.fromEntries(field.map((one) => [one.name, fieldOf(one, scene, depth)]));
  return fc.record(members, { requiredKeys: [] });
}

function fieldOf({ name, type, label, typeName }: Field, scene: Scene, depth: number): fc.Arbitrary<unknown> {
  const one = (): fc.Arbitrary<unknown> => {
    if (type === 'TYPE_STRING') return textOf(name, scene);
    if (type === 'TYPE_UINT32') return fc.oneof(fc.nat(50), fc.constant(4_294_967_295));
    const inner = DEFINITION[`${PACKAGE}.${typeName}`] ?? DEFINITION[typeName.replace(/^\./, '')];
    if (type !== 'TYPE_MESSAGE' || !inner || depth >= MAX_DEPTH) return fc.constant(undefined);
    return messageOf(inner as MessageTypeDefinition<object, object>, scene, depth + 1);
  };
  return label === 'LABEL_REPEATED' ? fc.array(one(), { maxLength: LISTED }) : one();
}

const camel = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const textOf = (field: string, scene: Scene): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: ANY.map((n) => scene.name(camel(field), n) ?? WORDS[n % WORDS.length] ?? '') },
    { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_TEXTS) },
  );

/** As somebody would ask who knows what is there. */
function known(method: string, scene: Scene, n: number, m: number): Message {
  const operation = method.charAt(0).toLowerCase() + method.slice(1);
  const { params = {}, body = {} } = scene.example(operation, n) ?? {};
  const fields = Object.entries({ ...params, ...(body as object) }).map(([key, value]) => [
    snake(key),
    value,
  ]);
  const isOfOne = /^(Get|Watch|Promote)/.test(method);
  return {
    ...(Object.fromEntries(fields) as Message),
    ...(isOfOne && { deployment_id: scene.name('rolloutId', m) ?? 'none' }),
  };
}

/** A message in its frame: whether it is compressed, its length, itself. */
function framed(message: Buffer, compressed = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

type Damage = (message: Buffer) => Buffer;

function flipped(message: Buffer, at: number, by: number): Buffer {
  const copy = Buffer.from(message);
  if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (by || 1);
  return copy;
}

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Damage>((message) => framed(message)) },
  {
    weight: 2,
    arbitrary: fc.tuple(ANY, fc.nat(255)).map(
      ([at, by]): Damage =>
        (m) =>
          framed(flipped(m, at, by)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 60 }).map(
      (raw): Damage =>
        () =>
          framed(Buffer.from(raw)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 60 }).map(
      (raw): Damage =>
        () =>
          Buffer.from(raw),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Damage>(
      (message) => framed(message, 1),
      (message) => framed(message, 7),
      (message) => framed(message, 0, message.length + 9),
      (message) => framed(message, 0, 0xffffffff),
      (message) => framed(message, 0, Math.max(0, message.length - 1)),
      (message) => Buffer.concat([framed(message), framed(message)]),
      (message) => framed(Buffer.concat([message, Buffer.alloc(100, 0xff)])),
      () => Buffer.alloc(0),
      () => framed(Buffer.alloc(1_100_000, 0x0a)),
    ),
  },
);

const strayCall = (scene: Scene): fc.Arbitrary<FuzzCall> =>
  fc
    .record({
      path: fc.constantFrom(
        '/',
        '//',
        '/x/y',
        `/${PACKAGE}.AgentDeployment/`,
        '/grpc.health.v1.Health/Check',
      ),
      raw: fc.uint8Array({ maxLength: 40 }),
      type: fc.constantFrom('application/grpc', 'application/grpc+json', 'application/json', ''),
      caller: ANY,
    })
    .map(({ path, raw, type, caller }) => ({
      path,
      headers: { ...scene.caller(caller), 'content-type': type },
      body: framed(Buffer.from(raw)),
    }));
