// gRPC methods of users.
import { UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { UsersServiceService } from '../../proto/generated/lotok/users/v1/users.ts';
import type { RpcServer } from '../platform/rpc/server.ts';
import { getProfile, type UsersOptions } from './service.ts';

export const userRpc =
  (options: UsersOptions) =>
  (server: RpcServer): void =>
    server.add(UsersServiceService, {
      async getContacts({ userId }) {
        const id = UserId.safeParse(userId);
        if (!id.success) throw new ProblemError('not-found');
        const { email, name, language, phone } = await getProfile(options, id.data);
        return { userId: id.data, email, name, language, phone: phone ?? '' };
      },
    });
