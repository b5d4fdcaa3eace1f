// HTTP dates (RFC 9110, section 5.6.7): the three formats in any case and nothing else, in milliseconds.

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/i;
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-(\w{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/i;
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** Null for what is no HTTP date. `now` decides the century of two-digit years. */
export function parseHttpDate(text: string | null, now: number): number | null {
  if (text === null) return null;
  const fixed = fixdate.exec(text);
  if (fixed) return toTime(Number(fixed[3]), fixed[2], fixed[1], fixed.slice(4));
  const old = rfc850.exec(text);
  if (old) {
    const thisYear = new Date(now).getUTCFullYear();
    const year = thisYear - (thisYear % 100) + Number(old[3]);
    return toTime(year > thisYear + 50 ? year - 100 : year, old[2], old[1], old.slice(4));
  }
  const c = asctime.exec(text);
  return c ? toTime(Number(c[6]), c[1], c[2], c.slice(3, 6)) : null;
}

function toTime(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  clock: readonly string[],
): number | null {
  const month = months.indexOf(monthName?.toLowerCase() ?? '');
  const day = Number(dayText);
  const [hour = 0, minute = 0, second = 0] = clock.map(Number);
  if (month === -1 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  return Date.UTC(year, month, day, hour, minute, second);
}
