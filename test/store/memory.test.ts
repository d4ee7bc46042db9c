import { createMemoryStore } from '../../src/store/memory';
import { storeConformance } from '../contracts/store';

storeConformance('memory', async () => {
  const store = createMemoryStore();
  return { store, close: () => store.close() };
});
