// The history's scripts in Redis: each is one step that no other client sees half done.

/** KEYS: epoch. ARGV: candidate, renewed channel. Returns the epoch, made if there was none. */
export const claimEpoch = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX') then redis.call('PUBLISH', ARGV[2], ARGV[1]) end
return redis.call('GET', KEYS[1])`;

/** KEYS: epoch, bridged of the old epoch. ARGV: old epoch, candidate, renewed channel. Ends the old epoch unless another node did. */
export const renewEpoch = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('DEL', KEYS[2])
  redis.call('PUBLISH', ARGV[3], ARGV[2])
end
return redis.call('GET', KEYS[1])`;

/**
 * KEYS: epoch, bridged, stream, ids.
 * ARGV: 1 epoch, 2 partition, 3 offset, 4 time, 5 the offset this process bridged before ('' for none),
 * 6 most messages kept, 7 time of the oldest kept, 8 time to live in ms, 9 live channel,
 * 10 the message as JSON without its opening brace and \`previous\`, 11 clock slack in ms,
 * 12 the event's id ('' for none), 13 most ids kept.
 *
 * 'renewed': the epoch is another. 'lost': what this or another process bridged is gone from Redis
 * (restored from an old snapshot), or the topic began anew. 'known': bridged before.
 * 'repeated': the channel has the event at an earlier place; this one is taken note of, or it would pass for lost.
 */
export const append = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'renewed'} end
local offset, time = tonumber(ARGV[3]), tonumber(ARGV[4])
local bridged = redis.call('HGET', KEYS[2], ARGV[2])
if bridged then
  local last, at = string.match(bridged, '^(%d+) (%d+)$')
  last, at = tonumber(last), tonumber(at)
  if last < (tonumber(ARGV[5]) or offset - 1) then return {'lost'} end
  if offset <= last then
    if time > at + tonumber(ARGV[11]) then return {'lost'} end
    return {'known'}
  end
elseif ARGV[5] ~= '' then
  return {'lost'}
end

local previous = 'null'
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if newest then
  previous = string.match(newest[1], '^%d+')
  if tonumber(previous) >= offset then return {'known'} end
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. ARGV[4])
if ARGV[12] ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', '(' .. ARGV[7])
  if redis.call('ZADD', KEYS[4], 'NX', ARGV[4], ARGV[12]) == 0 then return {'repeated'} end
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - ARGV[13])
  redis.call('PEXPIRE', KEYS[4], ARGV[8])
end
local outdated
for _, entry in ipairs(redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 16)) do
  if tonumber(entry[2][2]) >= tonumber(ARGV[7]) then break end
  outdated = string.match(entry[1], '^%d+')
end
if outdated then redis.call('XTRIM', KEYS[3], 'MINID', '=', string.format('%.0f-0', tonumber(outdated) + 1)) end

local message = '{"previous":' .. previous .. ',' .. ARGV[10]
redis.call('XADD', KEYS[3], 'MAXLEN', '=', ARGV[6], ARGV[3] .. '-0', 't', ARGV[4], 'm', message)
redis.call('PEXPIRE', KEYS[3], ARGV[8])
redis.call('PUBLISH', ARGV[9], message)
return {'appended', previous}`;

/** KEYS: epoch, bridged. ARGV: epoch, partition, offset, time. Counts a message as bridged that is in no channel. */
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
