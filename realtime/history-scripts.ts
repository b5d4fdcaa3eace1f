// The history's scripts in Redis: each is one step that no other client sees half done. All keys of a call, and the
// channels it publishes to, are of one shard, and so of one slot of a cluster.

/** KEYS: epoch. ARGV: candidate, control channel. Returns the epoch, made if there was none. */
export const claimEpoch = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX') then redis.call('SPUBLISH', ARGV[2], 'renewed ' .. ARGV[1]) end
return redis.call('GET', KEYS[1])`;

/** KEYS: epoch, bridged of the old epoch. ARGV: old epoch, candidate, control channel. Ends the old epoch unless another node did. */
export const renewEpoch = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[2])
  redis.call('SPUBLISH', ARGV[3], 'renewed ' .. ARGV[2])
end
return redis.call('GET', KEYS[1])`;

/** Of one `append`: those that it gives for all messages, before five for each. */
const common = 9;

/**
 * Messages of one partition, in order.
 * KEYS: epoch, bridged, then stream and ids of each message's channel.
 * ARGV: 1 epoch, 2 partition, 3 the offset this process bridged before ('' for none), 4 most messages kept,
 * 5 time of the oldest kept, 6 time to live in ms, 7 clock slack in ms, 8 most ids kept,
 * 9 '1' when every message of the partition is bridged here, so that one that is missing was lost;
 * then for each message: offset, time, the event's id ('' for none), its live channel,
 * the message as JSON without its opening brace and \`previous\`.
 *
 * 'renewed': the epoch is another. 'lost': what this or another process bridged is gone from Redis (restored from an
 * old snapshot, or a replica that was behind took over), or the topic began anew. Else 'done', and of each message
 * - 'known': bridged before;
 * - 'repeated': the channel has the event at an earlier place; this one is taken note of, or it would pass for lost;
 * - the offset of the channel's message before it, or 'null'.
 */
export const append = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'renewed'} end
local count = (#ARGV - ${common}) / 5
local function of(index) return ${common} + (index - 1) * 5 end
local first = tonumber(ARGV[of(1) + 1])
local last, at = -1, 0
local bridged = redis.call('HGET', KEYS[2], ARGV[2])
if bridged then
  local offset, time = string.match(bridged, '^(%d+) (%d+)$')
  last, at = tonumber(offset), tonumber(time)
  local expected = tonumber(ARGV[3]) or (ARGV[9] == '1' and first - 1 or 0)
  if last < expected then return {'lost'} end
elseif ARGV[3] ~= '' then
  return {'lost'}
end
for index = 1, count do
  if tonumber(ARGV[of(index) + 1]) > last then break end
  if tonumber(ARGV[of(index) + 2]) > at + tonumber(ARGV[7]) then return {'lost'} end
end

local function outdatedIn(stream, most)
  local found
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', most)) do
    if tonumber(entry[2][2]) >= tonumber(ARGV[5]) then break end
    found = string.match(entry[1], '^%d+')
  end
  return found
end
local function take(index)
  local stream, ids = KEYS[1 + index * 2], KEYS[2 + index * 2]
  local a = of(index)
  local offset, time, id, live, body = ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
  if tonumber(offset) <= last then return 'known' end
  last, at = tonumber(offset), tonumber(time)
  local previous = 'null'
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if newest then
    previous = string.match(newest[1], '^%d+')
    if tonumber(previous) >= tonumber(offset) then return 'known' end
  end
  if id ~= '' then
    redis.call('ZREMRANGEBYSCORE', ids, '-inf', '(' .. ARGV[5])
    if redis.call('ZADD', ids, 'NX', time, id) == 0 then return 'repeated' end
    redis.call('ZREMRANGEBYRANK', ids, 0, -1 - ARGV[8])
    redis.call('PEXPIRE', ids, ARGV[6])
  end
  if newest and outdatedIn(stream, 1) then
    local outdated = outdatedIn(stream, 16)
    redis.call('XTRIM', stream, 'MINID', '=', string.format('%.0f-0', tonumber(outdated) + 1))
  end
  local message = '{"previous":' .. previous .. ',' .. body
  redis.call('XADD', stream, 'MAXLEN', '=', ARGV[4], offset .. '-0', 't', time, 'm', message)
  redis.call('PEXPIRE', stream, ARGV[6])
  redis.call('SPUBLISH', live, message)
  return previous
end

local before = last
local results = {'done'}
for index = 1, count do results[index + 1] = take(index) end
if last > before then redis.call('HSET', KEYS[2], ARGV[2], string.format('%.0f %.0f', last, at)) end
return results`;

/** KEYS: epoch, bridged. ARGV: epoch, partition, offset, time. Counts a message as bridged that is in no channel of this shard. */
export const skip = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'renewed' end
local bridged = redis.call('HGET', KEYS[2], ARGV[2])
if not bridged or tonumber(string.match(bridged, '^%d+')) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. ARGV[4])
end
return 'skipped'`;

/** KEYS: epoch, stream. ARGV: epoch, since ('' for none). Returns the first message, the last id and the messages after since. */
export const read = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'renewed'} end
local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local messages = {}
if ARGV[2] ~= '' then
  for index, entry in ipairs(redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+')) do messages[index] = entry[2][4] end
end
return {'read', first and first[2][4] or false, last and last[1] or false, messages}`;

/** KEYS: epoch, bridged. ARGV: epoch, then partition and offset in turn. Whether all of that is still there. */
export const verify = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'renewed' end
for index = 2, #ARGV, 2 do
  local bridged = redis.call('HGET', KEYS[2], ARGV[index])
  if not bridged or tonumber(string.match(bridged, '^%d+')) < tonumber(ARGV[index + 1]) then return 'lost' end
end
return 'intact'`;

/**
 * KEYS: probe stream. ARGV: control channel, a word, time to live in ms. Goes the way that a message goes, through a
 * stream and to those who listen, and returns what the stream then has.
 */
export const probe = `
redis.call('XADD', KEYS[1], 'MAXLEN', '=', 8, '*', 'w', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SPUBLISH', ARGV[1], 'probe ' .. ARGV[2])
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][2][2]`;
