import { openPostgresStore } from '../../src/store/postgres';
import { storeConformance } from '../contracts/store';
import type { TestDatabase } from '../support/database';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { freshDatabase, wipe } from './postgres-database';

let leaks: LeakCheck;
let database: TestDatabase;
beforeAll(async () => {
  leaks = leakCheck();
  database = await freshDatabase();
});
afterAll(async () => {
  await database.drop();
  await leaks.backToBaseline();
});

storeConformance('postgres', async () => {
  const store = await openPostgresStore(database.url);
  const close = async () => {
    await store.close();
    await wipe(database.url);
  };
  return { store, close };
});
