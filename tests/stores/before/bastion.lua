-- What runs inside Redis: decisions, refills, revocations. HASH is the digest of this file (threats.md R10).
--
-- {tag}u            a person, little-endian: form B | stamp d | lease d | due I4 | sealed record
-- {tag}l:<login>    a login: form B | stamp d | lease d | due I4 | idle I4 | abs I4 | len I4 | confirm I4 | n B | n * session
--                   session: credential, 16 bytes | authenticated_at I4 | mfa_at I4 | until I4, 0 none
--                   or X: it has ended (a memory that saves a question to Postgres; correctness does not rest on it)
-- {tag}g:<grant>    an OAuth grant with a record of its own, in the layout of a login
-- {tag}k:<key>      an API key, in the layout of a login with one session, and behind it what the key may do, sealed
-- {tag}j:<jti>      a DPoP proof that was used: claimed_at d | request id
-- {tag}c:<hash>     a hand-off code: O stamp d | until d | host, or T claimed_at d | request id
-- {slot}b:<bucket>:<who>  a GCRA bucket, named after its limit, count, period and burst: when it is full again, us, d | the request that spent last
--
-- form W: wanted, somebody holds the lease and asks Postgres. form L: live.
-- stamp: the incarnation of the server that took the record in; another one counts as absent (design.md section 2).
-- In a cluster it changes with the epoch too: a slot that comes back may come from a replica that missed an end.
-- A request is known by its id where it claims, else by a part of it; '' is none.
-- Times in records are Unix seconds but for codes and buckets, which are in microseconds.
local PERSON, LOGIN, SESSION = '<BddI4', '<BddI4I4I4I4I4B', '<I4I4I4'
local PERSON_BYTES, LOGIN_BYTES, SESSION_BYTES, CREDENTIAL_BYTES = 21, 38, 28, 16
local LEASE_MS, ENDED_MS, CLAIM_MS = '10000', '60000', '40000'
local OFFER_US, REPEAT_US = 30000000, 10000000
local PROOF_S, EARLY_S = 60, 15
local CONFIRM_S, PERSON_S, KEEP_S, SLIDE_S = 60, 3600, 180, 5
local W, L = 87, 76
local call, pack, unpack, sub, floor, ceil  -- may not be touched while a library loads: look() sets them

-- Process memory, on purpose: it dies with the process and is not replicated.
local seen, inc, last = nil, nil, 0

local function look()  -- once a second: whose history is this? A promotion or a restart has another id.
  if not call then
    call, pack, unpack, sub, floor, ceil = redis.call, struct.pack, struct.unpack, string.sub, math.floor, math.ceil
  end
  local info = call('INFO', 'replication', 'cluster')
  local _, _, id = string.find(info, 'master_replid:(%x+)')
  if string.find(info, 'cluster_enabled:1', 1, true) then
    local _, _, epoch = string.find(call('CLUSTER', 'INFO'), 'cluster_current_epoch:(%d+)')
    id = redis.sha1hex(id .. epoch)
  end
  inc = tonumber(sub(id, 1, 12), 16)
end

local function clock()  -- us since 1970
  local t = redis.call('TIME')
  if t[1] ~= seen then
    look()
    seen = t[1]
  end
  return t[1] * 1000000 + t[2]
end

local function mint(now)  -- never twice the same while this server lives
  last = last + 1
  if last < now then last = now end
  return last
end

local function wanted(key, v, now)  -- the lease of a record that is not live: the running one, or a new one
  if v and #v >= 17 then
    local form, stamp, token = unpack('<Bdd', v)
    if form == W and stamp == inc then return token end
  end
  local token = mint(now)
  call('SET', key, pack('<Bdd', W, inc, token), 'PX', LEASE_MS)
  return token
end

local function is_live(v, size)
  if not v or #v < size then return false end
  local form, stamp = unpack('<Bd', v)
  return form == L and stamp == inc
end

local function keep_s(s, idle, abs)  -- a while beyond the idle deadline, so that its end is known here
  local keep = (idle + KEEP_S < abs and idle + KEEP_S or abs) - s
  return keep > 1 and keep or 1
end

local function session_of(v, n, credential, s)  -- authenticated_at, mfa_at
  local at = LOGIN_BYTES + 1
  for _ = 1, n do
    if sub(v, at, at + CREDENTIAL_BYTES - 1) == credential then
      local authenticated_at, mfa_at, until_ = unpack(SESSION, v, at + CREDENTIAL_BYTES)
      if until_ ~= 0 and s >= until_ then return nil end
      return authenticated_at, mfa_at
    end
    at = at + SESSION_BYTES
  end
end

-- keys from k on are buckets, argv from a on their interval and window, us. All of them have room, or none is spent.
-- A request that the proxy sends twice pays once, unless somebody else has spent in between; a third time it pays (R4).
local function spend(keys, k, argv, a, now, request)
  if k > #keys then return '', true end
  local out, tats, allowed = {}, {}, true
  for i = k, #keys do
    local interval, window = tonumber(argv[a]), tonumber(argv[a + 1])
    a = a + 2
    local v = call('GET', keys[i])
    local tat = v and unpack('<d', v) or 0
    if tat > now + window then  -- the clock was set back (threats.md R8); kept, or each refusal would begin anew
      tat = now + window
      call('SET', keys[i], pack('<d', tat) .. sub(v, 9), 'PX', ceil(window / 1000) + 1)
    end
    if tat < now then tat = now end
    local wait = tat + interval - window - now
    local paid = v and request ~= '' and sub(v, 9) == request
    if wait > 0 and not paid then
      allowed = false
      out[#out + 1] = pack('<BdI4d', 0, wait, 0, tat - now)
    else
      if paid then  -- and the mark is used up
        call('SET', keys[i], pack('<d', tat), 'PX', ceil((tat - now) / 1000) + 1)
      else
        tat = tat + interval
        tats[i] = tat
      end
      out[#out + 1] = pack('<BdI4d', 1, 0, floor((now + window - tat) / interval), tat - now)
    end
  end
  if allowed then
    for i = k, #keys do
      local tat = tats[i]
      if tat then call('SET', keys[i], pack('<d', tat) .. request, 'PX', ceil((tat - now) / 1000) + 1) end
    end
  end
  return table.concat(out), allowed
end

local function claim(key, host, request, now)  -- a code is used up once; the same request may hear it again (R4)
  local v = call('GET', key)
  if not v then return false end
  if sub(v, 1, 1) == 'T' then
    return sub(v, 10) == request and now - unpack('<d', v, 2) <= REPEAT_US
  end
  local stamp, late = unpack('<dd', v, 2)
  if stamp ~= inc or now > late or sub(v, 18) ~= host then return false end
  call('SET', key, 'T' .. pack('<d', now) .. request, 'PX', CLAIM_MS)
  return true
end

-- A proof passes once, in its time, with a nonce of this server's history (RFC 9449 section 11). nil, or why not:
-- S the nonce is of another history, or none where one is asked for (stamp not '')   I too old, or too early   R used
local function prove_once(key, iat, stamp, request, now)
  if stamp ~= '' and tonumber(stamp) ~= inc then return 'S' end
  local s = floor(now / 1000000)
  if iat < s - PROOF_S or iat > s + EARLY_S then return 'I' end
  if call('SET', key, pack('<d', now) .. request, 'NX', 'EX', iat + PROOF_S + 1 - s) then return nil end
  local v = call('GET', key)
  if request ~= '' and sub(v, 9) == request and now - unpack('<d', v) <= REPEAT_US then return nil end
  return 'R'
end

local function reply(number, now, outcome, leases, facts, n, login, spent, person)
  return pack('<I4dBddI4I4I4I4B', number, now, string.byte(outcome), leases[1], leases[2], facts[1], facts[2], facts[3], facts[4], n)
    .. login .. spent .. person
end

local NONE, NO_FACTS = { 0, 0 }, { 0, 0, 0, 0 }

local function told(u, l, n)  -- the sealed person; before it what a key may do, behind its length
  local at = LOGIN_BYTES + n * SESSION_BYTES
  if #l == at then return sub(u, PERSON_BYTES + 1) end
  return pack('<I2', #l - at) .. sub(l, at + 1) .. sub(u, PERSON_BYTES + 1)
end

-- What else a request uses up, once it is known that it may: nil, or the outcome that refuses it.
local function code(keys, argv, now)
  if not claim(keys[3], argv[5], argv[4], now) then return 'C' end
end
local function proof(keys, argv, now)
  return prove_once(keys[3], tonumber(argv[5]), argv[6], argv[4], now)
end

-- uses: one of these two, whose key comes third, or nil. a: where the buckets' part of argv begins.
local function answer(keys, argv, a, uses)
  local now = clock()
  local number, login, request = tonumber(argv[1]), argv[2], argv[4]
  local first = uses and 4 or 3
  local n = #keys - first + 1
  local u, l = call('GET', keys[1]), call('GET', keys[2])
  if l == 'X' then
    return reply(number, now, 'X', NONE, NO_FACTS, n, login, spend(keys, first, argv, a, now, request), '')
  end
  local person_lives, login_lives = is_live(u, PERSON_BYTES), is_live(l, LOGIN_BYTES)
  if not (person_lives and login_lives) then
    local leases = { 0, 0 }
    if not person_lives then leases[1] = wanted(keys[1], u, now) end
    if not login_lives then leases[2] = wanted(keys[2], l, now) end
    return reply(number, now, 'M', leases, NO_FACTS, 0, login, '', '')
  end
  local s = floor(now / 1000000)
  local _, _, _, due, idle, abs, len, confirm, count = unpack(LOGIN, l)
  local write = false
  if idle > s + len then idle, write = s + len, true end  -- a clock that was set back
  if s >= abs or s >= idle then
    return reply(number, now, 'X', NONE, NO_FACTS, n, login, spend(keys, first, argv, a, now, request), '')
  end
  local authenticated_at, mfa_at = session_of(l, count, argv[3], s)
  if not authenticated_at then
    if uses == code then call('DEL', keys[3]) end  -- in a strange browser: whoever saw it there is too late
    return reply(number, now, 'U', NONE, NO_FACTS, n, login, spend(keys, first, argv, a, now, request), '')
  end
  local spent, allowed = spend(keys, first, argv, a, now, request)
  local facts = { authenticated_at, mfa_at, abs, s + len }
  if not allowed then
    return reply(number, now, 'L', NONE, facts, n, login, spent, told(u, l, count))
  end
  local refused = uses and uses(keys, argv, now)
  if refused then
    return reply(number, now, refused, NONE, NO_FACTS, n, login, spent, refused == 'S' and pack('<d', inc) or '')
  end
  local leases = { 0, 0 }
  local _, _, _, person_due = unpack(PERSON, u)
  if s >= person_due or person_due > s + CONFIRM_S then
    leases[1] = mint(now)
    call('SETRANGE', keys[1], '9', pack('<dI4', leases[1], s + CONFIRM_S))
    call('EXPIRE', keys[1], PERSON_S)
  end
  if s + len - idle >= SLIDE_S then idle, write = s + len, true end
  if s >= due or due > s + confirm then
    leases[2], idle, write = mint(now), s + len, true
    call('SETRANGE', keys[2], '9', pack('<dI4I4', leases[2], s + confirm, idle))
  elseif write then
    call('SETRANGE', keys[2], '21', pack('<I4', idle))
  end
  if write then call('EXPIRE', keys[2], keep_s(s, idle, abs)) end
  return reply(number, now, 'L', leases, facts, n, login, spent, told(u, l, count))
end

-- KEYS person, login or grant, [code], bucket...
-- ARGV number, its id, credential, request, host ('' without a code), then interval and window of each bucket
-- -> one string: reply() above; by its outcome:
--    L live (with leases of what is due)   X ended   U unknown credential, and the code is used up
--    C the code is refused
--    M not here: leases are taken, nothing was spent or claimed
local function decide(keys, argv)
  return answer(keys, argv, 6, argv[5] ~= '' and code or nil)
end

-- KEYS person, login or grant, proof, bucket...
-- ARGV number, its id, credential, request, iat, stamp of the nonce ('': none is asked for), then as decide
-- -> as decide, and S, I, R of prove_once(), with which nothing was claimed; after S stands the stamp to name, d
local function prove(keys, argv)
  return answer(keys, argv, 7, proof)
end

-- KEYS proof   ARGV iat, stamp as with prove, request   Where no record is asked.
-- -> '-' or why not, as prove_once() | now, us, d | the stamp to name, d
local function witness(keys, argv)
  local now = clock()
  local refused = prove_once(keys[1], tonumber(argv[1]), argv[2], argv[3], now)
  return (refused or '-') .. pack('<dd', now, inc)
end

-- KEYS bucket...   ARGV number, request, then interval and window of each   -> as decide, outcome N
local function spend_only(keys, argv)
  local now = clock()
  local spent = spend(keys, 1, argv, 3, now, argv[2])
  return reply(tonumber(argv[1]), now, 'N', NONE, NO_FACTS, #keys, '', spent, '')
end

-- KEYS bucket   ARGV interval, window, us   What one request has cost is put back.
local function refund(keys, argv)
  local now = clock()
  local v = call('GET', keys[1])
  local interval, latest = tonumber(argv[1]), now + tonumber(argv[2])
  local tat = v and unpack('<d', v) or 0
  tat = (tat > latest and latest or tat) - interval
  if tat > now then
    call('SET', keys[1], pack('<d', tat), 'PX', ceil((tat - now) / 1000) + 1)
  else
    call('DEL', keys[1])
  end
  return 1
end

local function holds(key, token)  -- the record, if this lease still stands on it
  local v = call('GET', key)
  if not v or v == 'X' or #v < 17 then return nil end
  local _, stamp, lease = unpack('<Bdd', v)
  if lease == 0 or lease ~= token or stamp ~= inc then return nil end
  return v
end

-- KEYS person, login
-- ARGV lease of the person or 0, sealed record,
--      lease of the login or 0, absolute deadline (0: it has ended), idle deadline by Postgres, idle length,
--      confirm after s, sessions, what a key may do ('': it is none)
-- -> two letters: 1 written, 0 the lease is gone and nothing was written, - not asked
local function fill(keys, argv)
  local now = clock()
  local s = floor(now / 1000000)
  local person, login = '-', '-'
  local token = tonumber(argv[1])
  if token ~= 0 then
    person = '0'
    if holds(keys[1], token) then
      call('SET', keys[1], pack(PERSON, L, inc, 0, s + CONFIRM_S) .. argv[2], 'EX', PERSON_S)
      person = '1'
    end
  end
  token = tonumber(argv[3])
  if token ~= 0 then
    login = '0'
    local v = holds(keys[2], token)
    local abs, idle, len, confirm = tonumber(argv[4]), tonumber(argv[5]), tonumber(argv[6]), tonumber(argv[7])
    if v and (abs == 0 or s >= abs) then
      call('SET', keys[2], 'X', 'PX', ENDED_MS)
      login = '1'
    elseif v then
      local due = idle - len + confirm  -- what Postgres was told lags by no more than that (threats.md R7)
      if due > s + confirm then due = s + confirm end
      if is_live(v, LOGIN_BYTES) then  -- it slid on while Postgres was asked
        local _, _, _, _, live_idle = unpack(LOGIN, v)
        if live_idle > idle then idle = live_idle end
      end
      if idle > s + len then idle = s + len end
      call('SET', keys[2], pack(LOGIN, L, inc, 0, due, idle, abs, len, confirm, #argv[8] / SESSION_BYTES) .. argv[8] .. argv[9], 'EX', keep_s(s, idle, abs))
      login = '1'
    end
  end
  return person .. login
end

-- KEYS login   Postgres has committed its end.
local function finish(keys)
  clock()
  call('SET', keys[1], 'X', 'PX', ENDED_MS)
  return 1
end

-- KEYS record...   Postgres has committed a change of it. What is left out is read anew; X stays, an end is final.
local function stale(keys)
  clock()
  for _, key in ipairs(keys) do
    if call('GET', key) ~= 'X' then call('DEL', key) end
  end
  return 1
end

-- KEYS login   ARGV until, Unix seconds   Postgres could not be asked: the login is over all the same (R13).
local function deny(keys, argv)
  local now = clock()  -- first: it may be what sets floor
  local left = tonumber(argv[1]) - floor(now / 1000000)
  call('SET', keys[1], 'X', 'EX', left > 60 and left or 60)
  return 1
end

-- KEYS code   ARGV host   The code may be claimed once within 30 s by this clock, for this host.
local function offer(keys, argv)
  local now = clock()
  call('SET', keys[1], 'O' .. pack('<dd', inc, now + OFFER_US) .. argv[1], 'PX', CLAIM_MS)
  return 1
end

local OOM = { 'allow-oom' }
redis.register_function { function_name = 'bastion_decide_HASH', callback = decide, flags = OOM }
redis.register_function { function_name = 'bastion_prove_HASH', callback = prove, flags = OOM }
redis.register_function { function_name = 'bastion_witness_HASH', callback = witness, flags = OOM }
redis.register_function { function_name = 'bastion_spend_HASH', callback = spend_only, flags = OOM }
redis.register_function { function_name = 'bastion_refund_HASH', callback = refund, flags = OOM }
redis.register_function { function_name = 'bastion_fill_HASH', callback = fill }
redis.register_function { function_name = 'bastion_finish_HASH', callback = finish, flags = OOM }
redis.register_function { function_name = 'bastion_stale_HASH', callback = stale, flags = OOM }
redis.register_function { function_name = 'bastion_deny_HASH', callback = deny, flags = OOM }
redis.register_function { function_name = 'bastion_offer_HASH', callback = offer, flags = OOM }
