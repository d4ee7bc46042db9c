/** The part of undici that is loaded by itself; see agents.ts. */
declare module 'undici/lib/dispatcher/agent' {
  import { Agent } from 'undici';
  export = Agent;
}
