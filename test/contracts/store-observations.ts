import type { Store } from '../../src/store/store';
import { T0 } from './store-fixtures';

export function observationContract(open: () => Store): void {
  describe('observations', () => {
    const seen = async (id: string) => (await open().observations()).get(id);

    it('tell since when the platform runs as many, and when it was asked last', async () => {
      expect(await open().observations()).toEqual(new Map());
      await open().noteObserved('crawler', 0, T0);
      await open().noteObserved('crawler', 0, T0 + 5);
      await open().noteObserved('writer', 1, T0 + 5);
      expect(await seen('crawler')).toEqual({ running: 0, since: T0, at: T0 + 5 });
      await open().noteObserved('crawler', 1, T0 + 9);
      expect(await seen('crawler')).toEqual({ running: 1, since: T0 + 9, at: T0 + 9 });
      expect(await seen('writer')).toEqual({ running: 1, since: T0 + 5, at: T0 + 5 });
    });

    it('keep unknown apart from zero, and a look that is late from one that is newer', async () => {
      await open().noteObserved('crawler', 0, T0);
      await open().noteObserved('crawler', null, T0 + 1);
      await open().noteObserved('crawler', null, T0 + 2);
      expect(await seen('crawler')).toEqual({ running: null, since: T0 + 1, at: T0 + 2 });
      await open().noteObserved('crawler', 1, T0);
      expect(await seen('crawler')).toEqual({ running: null, since: T0 + 1, at: T0 + 2 });
    });
  });
}
