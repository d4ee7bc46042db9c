// Loaded before a program (node --require): tells on stderr where it uses what loads ICU's tables of locales, which
// cost an orchestrator at rest some 10 MB.
/* global console */
const WORDS = [
  [Number.prototype, ['toLocaleString']],
  [Date.prototype, ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']],
  [String.prototype, ['localeCompare']],
];
const tell = (what) => console.error(`locales used by ${new Error(what).stack}`);

for (const name of Object.getOwnPropertyNames(Intl)) {
  if (typeof Intl[name] !== 'function') continue;
  const told =
    (kind) =>
    (target, ...rest) => {
      tell(`Intl.${name}`);
      return Reflect[kind](target, ...rest);
    };
  Object.defineProperty(Intl, name, {
    value: new Proxy(Intl[name], { construct: told('construct'), apply: told('apply') }),
  });
}

for (const [prototype, names] of WORDS) {
  for (const name of names) {
    const original = prototype[name];
    prototype[name] = function (...given) {
      tell(name);
      return original.apply(this, given);
    };
  }
}
