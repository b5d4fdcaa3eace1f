// Wrong methods on right paths: 405 with the ones that are offered (RFC 9110, section 15.5.6).
import { ProblemError } from '../contracts/problem.ts';

/** To be put behind a path's handlers with `app.all`. */
export const onlyMethods = (allow: string) => (): never => {
  throw new ProblemError('method-not-allowed', { headers: { allow } });
};
