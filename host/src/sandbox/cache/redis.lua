-- One operation on what one plugin keeps, all of it or nothing.
--
-- KEYS: the entries (a hash: `v` and a key has its value, `s` and a key when it was set, `c` and a key what it takes of the
-- room; `total` is the sum of these), the keys by their last use, and the keys by the end of their time (sorted sets).
-- ARGV: what to do, the key, the bytes of the room, the most entries, the longest time to live; to set also the value, what
-- it takes of the room, and its time to live; to replace besides that what has to be there, `=` and a value, or empty where
-- nothing may be. Times are milliseconds of this server's clock.
local entries, used, ends = KEYS[1], KEYS[2], KEYS[3]
local operation, key = ARGV[1], ARGV[2]
local room, most, ttl_max = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local microseconds = time[1] * 1000000 + time[2]
local now = math.floor(microseconds / 1000)

local function drop(key)
  local cost = redis.call('HGET', entries, 'c' .. key)
  redis.call('HDEL', entries, 'v' .. key, 's' .. key, 'c' .. key)
  redis.call('ZREM', used, key)
  redis.call('ZREM', ends, key)
  if cost then redis.call('HINCRBY', entries, 'total', '-' .. cost) end
end

-- What is past its time goes first, then what was not used for longest.
local function make_room(cost, count)
  for _, past in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now)) do drop(past) end
  while (tonumber(redis.call('HGET', entries, 'total') or 0) + cost > room) or (redis.call('ZCARD', used) + count > most) do
    local oldest = redis.call('ZRANGE', used, 0, 0)[1]
    if not oldest then
      -- Somebody else removed one of the three: begin again.
      redis.call('DEL', entries, used, ends)
      return
    end
    drop(oldest)
  end
end

-- The value of the key, where its time is not over, and its age.
local function find()
  make_room(0, 0)
  local found = redis.call('HMGET', entries, 'v' .. key, 's' .. key)
  if not (found[1] and found[2] and redis.call('ZSCORE', ends, key)) then return nil end
  local age = math.max(now - tonumber(found[2]), 0)
  if age >= ttl_max then
    drop(key)
    return nil
  end
  return found[1], age
end

if operation == 'get' then
  local value, age = find()
  if not value then return false end
  -- Where the server's memory is full it refuses this, and the entry is found all the same.
  redis.pcall('ZADD', used, 'XX', microseconds, key)
  return { value, age }
end

if operation == 'replace' then
  local value = find()
  if (value and '=' .. value or '') ~= ARGV[9] then return 0 end
end

-- Where the server's memory is full it refuses this, before anything has changed.
if operation ~= 'delete' then redis.call('ZADD', used, microseconds, key) end
drop(key)
if operation ~= 'delete' then
  local value, cost, ttl = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
  make_room(cost, 1)
  redis.call('HSET', entries, 'v' .. key, value, 's' .. key, now, 'c' .. key, cost)
  redis.call('HINCRBY', entries, 'total', cost)
  redis.call('ZADD', used, microseconds, key)
  redis.call('ZADD', ends, now + ttl, key)
  -- A plugin that is never called again leaves nothing behind.
  for _, name in ipairs(KEYS) do
    if redis.call('PTTL', name) < ttl then redis.call('PEXPIRE', name, ttl) end
  end
end
return 1
