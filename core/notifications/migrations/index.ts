// The schema of notifications, in order.
import * as start from './0001-start.ts';
import * as story from './0002-story.ts';
import * as adVersions from './0003-ad-versions.ts';
import * as mails from './0004-mails.ts';

export const migrations = {
  '0001-start': start,
  '0002-story': story,
  '0003-ad-versions': adVersions,
  '0004-mails': mails,
};
