-- Counts a request against several limits at once: let through by all of them or counted by none.
-- KEYS one for each subject; ARGV now and the window in milliseconds, then each subject's limit a window, then, where not
-- all are 1, what the request costs each: 0 only looks whether there is room.
-- Answers how many milliseconds to wait (0: let through), then for each subject: remaining, milliseconds until more.
-- A sliding window of two counters: the last window counts for the part of it that the sliding one still covers.
local now, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local number, into = math.floor(now / window), now % window
local counts, overs, answer, wait = {}, {}, {}, 0
for i, key in ipairs(KEYS) do
    local kept = redis.call('HMGET', key, 'window', 'count', 'before')
    local at, count, before = tonumber(kept[1] or '') or -2, tonumber(kept[2] or '') or 0, tonumber(kept[3] or '') or 0
    if at < number then -- a request whose clock is behind counts in the window that others have begun
        before = (at == number - 1) and count or 0
        at, count = number, 0
    end
    counts[i] = { at, count, before }
    local limit = tonumber(ARGV[2 + i])
    local over = count + before * (window - into) / window + 1 - limit
    if over > 0 then
        local free = window - into
        if before > 0 and count < limit then
            free = math.min(free, math.ceil(over * window / before))
        elseif count >= limit then
            free = free + math.ceil(window * (count + 1 - limit) / count)
        end
        wait = math.max(wait, free)
    end
    overs[i] = over
    answer[2 * i + 1] = window - into
end
answer[1] = wait
for i = 1, #KEYS do -- what is left: without this request where it is refused
    answer[2 * i] = math.max(0, math.floor((wait > 0 and 1 or 0) - overs[i]))
end
if wait > 0 then
    return answer
end
for i, key in ipairs(KEYS) do
    local cost = tonumber(ARGV[2 + #KEYS + i] or '1')
    if cost == 0 then
        answer[2 * i] = answer[2 * i] + 1
    else
        redis.call('HSET', key, 'window', counts[i][1], 'count', counts[i][2] + cost, 'before', counts[i][3])
        redis.call('PEXPIRE', key, 2 * window)
    end
end
return answer
