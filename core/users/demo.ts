// The demo accounts, only where the sandbox is on.
import { demoPassword, demoUsers } from '../../contracts/demo.ts';
import { addUser, newUser, type UsersOptions } from './service.ts';
import { readUser } from './store.ts';

export async function seedDemoUsers(options: UsersOptions): Promise<void> {
  const { db, clock, passwords } = options;
  let passwordHash: string | undefined;
  for (const { id, email, name, roles } of demoUsers) {
    if (await readUser(db, id)) continue;
    passwordHash ??= await passwords.hash(demoPassword);
    const user = {
      ...newUser(clock.now()),
      id,
      email,
      name,
      roles: [...roles],
      language: 'ru' as const,
      password_hash: passwordHash,
    };
    await db.transaction().execute((trx) => addUser(options, trx, user));
  }
}
