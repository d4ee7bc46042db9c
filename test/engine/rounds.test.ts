/** Rounds and turns: what is done together, and what waits for what. */
import { setImmediate as turn } from 'node:timers/promises';
import { Rounds } from '../../src/engine/rounds';
import { Turns } from '../../src/engine/turns';

/** Tasks that end when they are told to. */
class Tasks {
  readonly ends: Array<{ resolve: () => void; reject: (error: Error) => void }> = [];
  readonly begin = (): Promise<void> =>
    new Promise((resolve, reject) => void this.ends.push({ resolve, reject }));
}

describe('rounds', () => {
  it('are one at a time for each key; who asks meanwhile shares the next', async () => {
    const [tasks, rounds] = [new Tasks(), new Rounds()];
    const ended: string[] = [];
    const ask = (name: string, key = 'a') =>
      rounds.run(key, tasks.begin).then(
        () => void ended.push(name),
        (error: Error) => void ended.push(`${name}: ${error.message}`),
      );
    const asked = [ask('first'), ask('second'), ask('third'), ask('other', 'b')];
    expect(tasks.ends).toHaveLength(2);
    tasks.ends[0]?.reject(new Error('no'));
    await turn();
    expect(ended).toEqual(['first: no']);
    expect(tasks.ends).toHaveLength(3);
    asked.push(ask('fourth'));
    tasks.ends[2]?.resolve();
    await turn();
    expect(ended.slice(1)).toEqual(['second', 'third']);
    for (const { resolve } of tasks.ends) resolve();
    await Promise.all(asked);
    expect(ended.slice(3).sort()).toEqual(['fourth', 'other']);
    // Nobody waits: the next begins at once.
    void ask('fifth');
    expect(tasks.ends).toHaveLength(5);
  });
});

describe('turns', () => {
  it('are given to so many at once, and to the others as they came, whatever became of those before', async () => {
    const [tasks, turns] = [new Tasks(), new Turns(2)];
    const begun: string[] = [];
    const ask = (name: string, kind = 'a') =>
      turns
        .run(kind, (hasWaited) => {
          begun.push(hasWaited ? `${name}, late` : name);
          return tasks.begin();
        })
        .catch((error: Error) => error.message);
    const asked = [ask('1'), ask('2'), ask('3'), ask('4'), ask('other', 'b')];
    await turn();
    expect(begun).toEqual(['1', '2', 'other']);
    tasks.ends[1]?.reject(new Error('no'));
    expect(await asked[1]).toBe('no');
    await turn();
    expect(begun.slice(3)).toEqual(['3, late']);
    tasks.ends[0]?.resolve();
    await turn();
    expect(begun.slice(4)).toEqual(['4, late']);
    for (const { resolve } of tasks.ends) resolve();
    await Promise.all(asked);
    for (const name of ['5', '6', '7']) void ask(name);
    await turn();
    expect(begun.slice(5)).toEqual(['5', '6']);
  });
});
