/**
 * Certificates of an authority that lives as long as one stay in the sandbox: its recorder answers for every host, and
 * nobody else believes it. Written out here (X.509 in DER, RFC 5280), as packages that can do it take longer to load
 * than an agent to boot.
 */
import { createHash, createSign, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

const DAY_MS = 86_400_000;
const NAME = 'Reveille sandbox';

export interface Authority {
  /** PEM. */
  certificate: string;
  /** A certificate of the authority for a host name or an IPv4 address, with its key, both PEM. */
  issue: (host: string) => { key: string; cert: string };
}

export function newAuthority(now: number): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const mine = { name: NAME, ...keys };
  const certificate = certify(mine, mine, now, [
    extension('551d13', sequence(der(0x01, Buffer.from([0xff]))), true), // basicConstraints: cA
    extension('551d0f', der(0x03, Buffer.from([0x02, 0x04])), true), // keyUsage: keyCertSign
  ]);
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    certificate,
    issue: (host) => {
      const name = isIP(host) === 4 ? der(0x87, addressOf(host)) : der(0x82, Buffer.from(host, 'latin1'));
      const of = { name: host.slice(0, 64), publicKey: leaf.publicKey };
      const parts = [
        extension('551d11', sequence(name)), // subjectAltName
        extension('551d23', sequence(der(0x80, fingerprint(keys.publicKey)))), // authorityKeyIdentifier
      ];
      return { key, cert: certify(of, mine, now, parts) };
    },
  };
}

interface Party {
  name: string;
  publicKey: KeyObject;
}

function certify(
  of: Party,
  by: Party & { privateKey: KeyObject },
  now: number,
  parts: readonly Buffer[],
): string {
  const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
  const key = of.publicKey.export({ type: 'spki', format: 'der' });
  const subjectKey = extension('551d0e', der(0x04, fingerprint(of.publicKey)));
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(by.name),
    sequence(time(now - DAY_MS), time(now + DAY_MS)),
    nameOf(of.name),
    key,
    der(0xa3, sequence(...parts, subjectKey)),
  );
  const signature = createSign('sha256').update(toSign).sign(by.privateKey);
  return pem(sequence(toSign, ecdsaWithSha256, bits(signature)));
}

/** Tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const bits = (content: Buffer): Buffer => der(0x03, Buffer.concat([Buffer.from([0]), content]));
const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  sequence(objectId(id), ...(isCritical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
const nameOf = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(commonName, 'utf8')))));
/** UTCTime, to 2049. */
const time = (at: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
const fingerprint = (key: KeyObject): Buffer =>
  createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest();
const addressOf = (host: string): Buffer => Buffer.from(host.split('.').map(Number));
const pem = (content: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(content.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;
