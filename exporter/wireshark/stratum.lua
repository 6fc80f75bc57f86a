--[[
stratum.lua - Stratum v1, the protocol between Bitcoin miners and their pool, for Wireshark 4.0 and
later (Lua 5.2 to 5.4). `hashscope wireshark install` puts it where Wireshark looks.

How it works. A line is a message: lines are put together over TCP segments, and one segment may hold
many. A line is walked over once, in place, to see whether it is JSON and where its members lie; what
stands deeper inside is looked at only for the Info column and for fields that somebody asked for:
without a visible tree, and with no field of ours in a filter, column or statistic, no field is made.

Requests and responses are paired as HashScope's recorder does it (lib/stratum/pair.h): first in,
first out, per id (equal in type and value) and direction. This happens the first time that a frame
is seen, when frames come in order; later visits look the result up. A link to a response that is
still to come needs a second look: the GUI, or `tshark -2`.

A new TCP connection is known by its first data: only that comes by its port, to "stratum.first", or
by heuristics; what follows goes to "stratum", which the first data sets for its connection. So a port that is used again begins anew, without asking Wireshark for a field of TCP,
which would slow down all captures.

How it can fail: what is no JSON is shown as text, with a note; what is not text at all as bytes. All
input is hostile: nesting, length and number of what is kept are bounded.
]]
local VERSION = "1.0.0"
local DEPTH_MAX = 64          -- as in the recorder
local TOO_DEEP = "nesting deeper than 64"
local LINE_MAX = 16 * 2 ^ 20  -- no line is waited for beyond this
local OPEN_MAX = 1024         -- requests waiting for an answer, per connection
local TEXT_MAX = 2 ^ 16       -- of a text in a field
local ELEMENTS_MAX = 256      -- of an array that is shown
local INFO_COMPARED = 64      -- bytes of what stands in the Info column
local find, byte, sub, match, gsub, format =
    string.find, string.byte, string.sub, string.match, string.gsub, string.format

set_plugin_info({ version = VERSION, author = "HashScope", description = "Stratum v1 (mining)" })

local stratum = Proto("stratum", "Stratum mining protocol")
local beginning = Proto("stratum.first", "Stratum mining protocol, first data of a connection")

-- ---- fields ------------------------------------------------------------------------------------
local F = {}
local function field(name, kind, title, ...)
    F[name] = ProtoField[kind]("stratum." .. name, title, ...)
end
field("from", "string", "Sent by")
field("kind", "string", "Kind")
field("id", "string", "Id")
field("id.type", "string", "Type of id")
field("method", "string", "Method")
field("request_method", "string", "Method of the request")
field("params", "string", "Parameters")
field("param", "string", "Parameter without a name")
field("result", "string", "Result")
field("accepted", "bool", "Accepted")
field("error", "string", "Error")
field("error.code", "int32", "Error code")
field("error.message", "string", "Error message")
field("reject_reason", "string", "Reject reason")
field("response_in", "framenum", "Response in", base.NONE, frametype.RESPONSE)
field("response_to", "framenum", "Response to", base.NONE, frametype.REQUEST)
field("time", "relative_time", "Time since the request")
field("worker", "string", "Worker")
field("password", "string", "Password")
field("user_agent", "string", "User agent")
field("session_id", "string", "Session id")
field("job_id", "string", "Job id")
field("extranonce1", "string", "Extranonce 1")
field("extranonce2", "string", "Extranonce 2")
field("extranonce2_size", "uint32", "Size of extranonce 2")
field("ntime", "uint32", "Time of the header", base.HEX)
field("ntime.utc", "absolute_time", "Time of the header", base.UTC)
field("nonce", "uint32", "Nonce", base.HEX)
field("nonce.text", "string", "Nonce, as sent")
field("nonce2", "string", "Nonce, second part")
field("solution", "string", "Solution")
field("mix_digest", "string", "Mix digest")
field("share_hash", "string", "Hash of the share")
field("version_bits", "uint32", "Version bits", base.HEX)
field("version_mask", "uint32", "Version mask", base.HEX)
field("version", "uint32", "Block version", base.HEX)
field("nbits", "uint32", "Network target, compact", base.HEX)
field("network_difficulty", "double", "Network difficulty")
field("prevhash", "string", "Previous block, as sent")
field("previous_block", "string", "Previous block")
field("height", "uint32", "Height of the block")
field("coinbase1", "string", "Coinbase, first part")
field("coinbase2", "string", "Coinbase, second part")
field("merkle_branch", "string", "Merkle branch")
field("merkle_count", "uint32", "Merkle branches")
field("merkle_root", "string", "Merkle root")
field("reserved", "string", "Reserved")
field("seed_hash", "string", "Seed hash")
field("header_hash", "string", "Header hash")
field("blob", "string", "Block template to be hashed")
field("algorithm", "string", "Algorithm")
field("status", "string", "Status")
field("clean_jobs", "bool", "Clean jobs")
field("difficulty", "double", "Share difficulty")
field("target", "string", "Share target")
field("extension", "string", "Extension")
field("message", "string", "Message")
field("host", "string", "Host")
field("port", "string", "Port")
field("wait", "uint32", "Seconds to wait")
field("text", "string", "Text")
field("data", "bytes", "Bytes")
local fields = {}
for _, one in pairs(F) do
    fields[#fields + 1] = one
end
stratum.fields = fields

local E = {
    rejected = ProtoExpert.new("stratum.rejected", "Refused", expert.group.RESPONSE_CODE,
        expert.severity.WARN),
    malformed = ProtoExpert.new("stratum.malformed", "Not JSON", expert.group.MALFORMED,
        expert.severity.WARN),
    lenient = ProtoExpert.new("stratum.lenient", "JSON that strict parsers refuse",
        expert.group.PROTOCOL, expert.severity.NOTE),
    unanswered = ProtoExpert.new("stratum.unanswered", "No response in this capture",
        expert.group.SEQUENCE, expert.severity.NOTE),
    late = ProtoExpert.new("stratum.late", "Came after the time-out, and is paired with nothing",
        expert.group.SEQUENCE, expert.severity.NOTE),
    reconnect = ProtoExpert.new("stratum.reconnect", "The pool sends the miner elsewhere",
        expert.group.REQUEST_CODE, expert.severity.NOTE),
}
local experts = {}
for _, one in pairs(E) do
    experts[#experts + 1] = one
end
stratum.experts = experts

-- 25 and 443 are used by pools, too, but belong to other protocols first.
local DEFAULT_PORTS = "3333-3336,4444,14444,21496"
stratum.prefs.ports = Pref.range("TCP ports", DEFAULT_PORTS,
    "Ports on which connections are taken for Stratum; others are recognised by their first messages",
    65535)
stratum.prefs.timeout = Pref.uint("Response time-out", 120,
    "A response that comes more than so many seconds after its request is not linked to it")

-- ---- JSON: walking over a value ----------------------------------------------------------------
-- Each takes a position in the text and returns the one behind what it walked over, or nil; `fault`
-- and `fault_at` then say why and where. A fault "cut off" may be cured by more bytes.
local fault, fault_at
local escapes = true -- may the text hold backslashes? Without, a string ends at its next quote

local function stop(text, at)
    fault = at > #text and "JSON cut off" or "invalid JSON"
    fault_at = at
    return nil
end

local function space(text, at)
    local c = byte(text, at)
    if c and c <= 32 then
        return match(text, "^[ \t\r\n]*()", at)
    end
    return at
end

local function skip_escape(text, at)
    local _, behind = find(text, '^\\["\\/bfnrt]', at)
    if not behind then
        _, behind = find(text, "^\\u%x%x%x%x", at)
    end
    if behind then
        return behind + 1
    end
    local good = match(text, "^\\u?%x?%x?%x?%x?()", at)
    return stop(text, good)
end

-- `at` is the opening quote.
local function skip_string(text, at)
    if not escapes then
        at = find(text, '"', at + 1, true)
        return at and at + 1 or stop(text, #text + 1)
    end
    at = at + 1
    while true do
        at = find(text, '["\\]', at)
        if not at then
            return stop(text, #text + 1)
        elseif byte(text, at) == 34 then
            return at + 1
        end
        at = skip_escape(text, at)
        if not at then
            return nil
        end
    end
end

local function skip_number(text, at)
    local _, last = find(text, "^[1-9]%d*", at)
    local after = last and byte(text, last + 1)
    if after == 44 or after == 93 or after == 125 then
        return last + 1
    end
    local behind = match(text, "^-?0()", at) or match(text, "^-?[1-9]%d*()", at)
    if not behind then
        return stop(text, byte(text, at) == 45 and at + 1 or at)
    end
    local c = byte(text, behind)
    if c == 46 then
        local fraction = match(text, "^%.%d+()", behind)
        if not fraction then
            return stop(text, behind + 1)
        end
        behind = fraction
        c = byte(text, behind)
    end
    if c == 101 or c == 69 then
        local exponent = match(text, "^[eE][+-]?%d+()", behind)
        if not exponent then
            return stop(text, match(text, "^[eE][+-]?()", behind))
        end
        behind = exponent
    end
    return behind
end

local words = { [116] = "true", [102] = "false", [110] = "null" }
local function skip_word(text, at, word)
    if sub(text, at, at + #word - 1) == word then
        return at + #word
    end
    for i = 1, #word do
        if byte(text, at + i - 1) ~= byte(word, i) then
            return stop(text, at + i - 1)
        end
    end
    return at + #word
end

local skip_container

local function skip_value(text, at, depth)
    local c = byte(text, at)
    if c == 34 then
        return skip_string(text, at)
    elseif c == 91 or c == 123 then
        return skip_container(text, at, depth)
    elseif words[c] then
        return skip_word(text, at, words[c])
    end
    return c and skip_number(text, at) or stop(text, at)
end

-- A name and its colon: the position of the value.
local function skip_name(text, at)
    if byte(text, at) ~= 34 then
        return stop(text, at)
    end
    at = skip_string(text, at)
    at = at and space(text, at)
    if not at then
        return nil
    elseif byte(text, at) ~= 58 then
        return stop(text, at)
    end
    return space(text, at + 1)
end

-- With `each`, calls each(start of name, start, position behind) for members, each(nil, …) for
-- elements.
function skip_container(text, at, depth, each)
    local object = byte(text, at) == 123
    local close = object and 125 or 93
    if depth == DEPTH_MAX then
        fault, fault_at = TOO_DEEP, at
        return nil
    end
    at = space(text, at + 1)
    if byte(text, at) == close then
        return at + 1
    end
    while true do
        local name = object and at or nil
        local value = at
        if object then
            value = skip_name(text, at)
            if not value then
                return nil
            end
        end
        if not escapes and byte(text, value) == 34 then
            local quote = find(text, '"', value + 1, true)
            at = quote and quote + 1 or stop(text, #text + 1)
        else
            at = skip_value(text, value, depth + 1)
        end
        if not at then
            return nil
        end
        if each then
            each(name, value, at)
        end
        local c = byte(text, at)
        if c and c <= 32 then
            at = space(text, at)
            c = byte(text, at)
        end
        if c == close then
            return at + 1
        elseif c ~= 44 then
            return stop(text, at)
        end
        at = at + 1
        c = byte(text, at)
        if c and c <= 32 then
            at = space(text, at)
        end
    end
end

-- ---- JSON: values ------------------------------------------------------------------------------
local function is_utf8(text)
    text = gsub(text, "[\240-\244][\128-\191][\128-\191][\128-\191]", function(s)
        local a, b = byte(s, 1, 2)
        return (a == 240 and b < 144 or a == 244 and b > 143) and s or " "
    end)
    text = gsub(text, "[\224-\239][\128-\191][\128-\191]", function(s)
        local a, b = byte(s, 1, 2)
        return (a == 224 and b < 160 or a == 237 and b > 159) and s or " "
    end)
    text = gsub(text, "[\194-\223][\128-\191]", " ")
    return not find(text, "[\128-\255]")
end

-- For people: no control characters, valid UTF-8, not endless.
local function printable(text, limit)
    if #text <= limit and find(text, "^%g*$") then
        return text
    end
    if #text > limit then
        text = gsub(sub(text, 1, limit), "[\192-\255]?[\128-\191]*$", "") .. "…"
    end
    if find(text, "[%z\1-\31\127-\255]") then
        text = gsub(text, "[%z\1-\31\127]", "·")
        if not is_utf8(text) then
            text = gsub(text, "[\128-\255]", "?")
        end
    end
    return text
end

local function utf8_of(code)
    if code < 128 then
        return string.char(code)
    elseif code < 2048 then
        return string.char(192 + math.floor(code / 64), 128 + code % 64)
    elseif code < 65536 then
        return string.char(224 + math.floor(code / 4096), 128 + math.floor(code / 64) % 64,
            128 + code % 64)
    end
    return string.char(240 + math.floor(code / 262144), 128 + math.floor(code / 4096) % 64,
        128 + math.floor(code / 64) % 64, 128 + code % 64)
end

local short_escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local function unescape(text)
    text = gsub(text, "\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", function(high, low)
        return utf8_of(65536 + (tonumber(high, 16) - 55296) * 1024 + tonumber(low, 16) - 56320)
    end)
    return (gsub(text, "\\(u?)(.)(%x?%x?%x?)", function(u, c, rest)
        if u == "" then
            return (short_escapes[c] or c) .. rest
        end
        local code = tonumber(c .. rest, 16)
        if not code or code >= 55296 and code < 57344 then
            return "\\u" .. c .. rest
        end
        return utf8_of(code)
    end))
end

-- A value is {start, position behind}. Strings without quotes and escapes, others as they stand.
local function value_text(text, value, limit)
    local first, last = value[1], value[2] - 1
    if byte(text, first) ~= 34 then
        return printable(sub(text, first, math.min(last, first + TEXT_MAX)), limit or TEXT_MAX)
    end
    local inside = sub(text, first + 1, math.min(last - 1, first + TEXT_MAX))
    if find(inside, "\\", 1, true) then
        inside = unescape(inside)
    end
    return printable(inside, limit or TEXT_MAX)
end

local function is_string(text, value)
    return value and byte(text, value[1]) == 34
end

-- The elements of an array, none for anything else.
local function elements(text, value)
    local list = {}
    if value and byte(text, value[1]) == 91 then
        skip_container(text, value[1], 0, function(_, first, behind)
            if #list < ELEMENTS_MAX then
                list[#list + 1] = { first, behind }
            end
        end)
    end
    return list
end

local function members(text, value)
    local map = {}
    if value and byte(text, value[1]) == 123 then
        skip_container(text, value[1], 0, function(name, first, behind)
            local inside = match(text, '^"([^"\\]*)"', name)
            if inside then
                map[inside] = { first, behind }
            end
        end)
    end
    return map
end

local function number_of(text, value)
    return value and tonumber(value_text(text, value, 64))
end

local function hex_of(text, value)
    local digits = value and value_text(text, value, 16)
    return digits and #digits <= 8 and find(digits, "^%x+$") and tonumber(digits, 16) or nil
end

-- null, false, "", [] or {}
local function is_empty(text, value)
    local c = byte(text, value[1])
    if c == 110 or c == 102 then
        return true
    elseif c == 34 then
        return value[2] - value[1] == 2
    end
    return (c == 91 or c == 123) and find(text, "^.[ \t\r\n]*[%]}]", value[1]) ~= nil
end

-- ---- messages ----------------------------------------------------------------------------------
-- The one message at hand, made anew from each line without making tables: `spans` has a value
-- {start, position behind} for each member that counts, which `message` points to when it is there.
local message = {}
local spans = { id = {}, method = {}, params = {}, result = {}, error = {}, ["reject-reason"] = {} }

local function clear_message()
    message.kind, message.name, message.answers, message.refused = "other", nil, nil, nil
    message.id, message.id_type, message.id_key, message.method = nil, nil, nil, nil
    message.params, message.result, message.error, message["reject-reason"] = nil, nil, nil, nil
    message.lesser, message.refusal = nil, nil
end

-- Files the member under its name, if it is one that counts.
local function take_member(text, name, value, behind)
    local span = spans[name]
    if name == "result" or name == "error" then
        message.answers = true
    end
    -- a number that ends with the line may have lost digits
    if span and behind and (behind <= #text or not find(text, "^[-%d]", value)) then
        span[1], span[2] = value, behind
        message[name] = span
    end
end

-- Walks over the members of the top-level object.
local function scan_object(text, at)
    at = space(text, at + 1)
    if byte(text, at) == 125 then
        return at + 1
    end
    while true do
        local name, value = match(text, '^"([%w-]*)": ?()', at)
        if not name or byte(text, value) == 32 then
            value = skip_name(text, at)
            if not value then
                return nil
            end
            name = sub(text, at + 1, find(text, '"', at + 1, true) - 1)
        end
        local behind = skip_value(text, value, 1)
        take_member(text, name, value, behind)
        if not behind then
            return nil
        end
        at = space(text, behind)
        local c = byte(text, at)
        if c == 125 then
            return at + 1
        elseif c ~= 44 then
            return stop(text, at)
        end
        at = space(text, at + 1)
    end
end

local function fits_64_bits(raw)
    local digits = match(raw, "^-?(%d+)$")
    local most = byte(raw) == 45 and "9223372036854775808" or "9223372036854775807"
    return #digits < #most or #digits == #most and digits <= most
end

local function take_id(text)
    local value = message.id
    if not value then
        return
    end
    local raw = sub(text, value[1], value[2] - 1)
    local c = byte(raw)
    if c == 34 then
        message.id_type, message.id_key = "string", raw
    elseif c == 110 then
        message.id_type, message.id_key = "null", "null"
    elseif find(raw, "^-?%d+$") and (#raw <= 18 or fits_64_bits(raw)) then
        message.id_type, message.id_key = "integer", raw == "-0" and "0" or raw
    else
        message.id_type, message.id_key = "other", raw
    end
end

local function take_method(text)
    local value = message.method
    if value and byte(text, value[1]) == 34 then
        message.name = sub(text, value[1] + 1, value[2] - 2)
    elseif value and byte(text, value[1]) ~= 110 then
        message.name = sub(text, value[1], value[2] - 1)
    end
end

local function walk_line(text)
    local at = space(text, 1)
    if at > #text then
        fault, fault_at = "empty line", 1
        return
    elseif byte(text, at) == 123 then
        at = scan_object(text, at)
    else
        at = skip_value(text, at, 0)
    end
    at = at and space(text, at)
    if at and at <= #text then
        stop(text, at)
    end
end

local function span_of(name, first, behind)
    local span = spans[name]
    span[1], span[2] = first, behind
    message[name] = span
end

-- Half of all lines: a share is accepted, in the words that most pools have for it.
local function scan_accepted(text)
    local id, id_end, result, result_end, none, none_end = match(text,
        '^{"id": ?()[1-9]%d*(), ?"result": ?()true(), ?"error": ?()null()}$')
    if not id or id_end - id > 18 then
        return false
    end
    span_of("id", id, id_end)
    span_of("result", result, result_end)
    span_of("error", none, none_end)
    message.id_type, message.id_key = "integer", sub(text, id, id_end - 1)
    message.kind, message.answers, message.fault = "response", true, nil
    return true
end

-- Fills in `message`: what the line is, and where its members lie.
local function scan_line(text)
    clear_message()
    fault, fault_at = nil, nil
    if scan_accepted(text) then
        escapes = false
        return
    end
    escapes = find(text, "\\", 1, true) ~= nil
    walk_line(text)
    message.fault, message.fault_at = fault, fault_at
    take_id(text)
    take_method(text)
    if fault and fault ~= TOO_DEEP then
        return -- half a message is none
    elseif message.name then
        local open = message.id_type ~= nil and message.id_type ~= "null"
        message.kind = open and "request" or "notification"
    elseif message.answers then
        local result = message.result
        message.kind = "response"
        message.refused = message.error and not is_empty(text, message.error) or
            message["reject-reason"] and not is_empty(text, message["reject-reason"]) or
            result and byte(text, result[1]) == 102
    end
end

-- What a strict parser would refuse though the structure can be read; nil when there is nothing.
local function lesser_fault(text)
    if find(text, "^%g*$") then
        return nil
    end
    local at = find(text, "[%z\1-\8\10-\31]")
    if at then
        return (byte(text, at) == 13 and "raw carriage return" or "raw control character"), at
    elseif find(text, "[\128-\255]") and not is_utf8(text) then
        return "invalid UTF-8", find(text, "[\128-\255]")
    end
end

-- What is remembered between calls, beside connections and pairs.
local seen = {}
local function see_anew()
    seen.column, seen.info = 0, ""
    seen.timeout = stratum.prefs.timeout
end
see_anew()

-- ---- connections, pairs ------------------------------------------------------------------------
local from_miner, from_pool = {}, {}
for name in ([[mining.configure mining.subscribe mining.authorize mining.submit
    mining.suggest_difficulty mining.suggest_target mining.extranonce.subscribe mining.multi_version
    mining.get_transactions mining.capabilities login submit keepalived getjob eth_submitLogin
    eth_getWork eth_submitWork eth_submitHashrate mining.hello]]):gmatch("%S+") do
    from_miner[name] = true
end
for name in ([[mining.notify mining.set_difficulty mining.set_target mining.set_extranonce
    mining.set_version_mask mining.set_goal client.reconnect client.show_message client.get_version
    mining.ping job mining.set]]):gmatch("%S+") do
    from_pool[name] = true
end

-- In all dialects: what is a share, what is a login.
local hands_in = { ["mining.submit"] = true, submit = true, eth_submitWork = true }
local logs_in = { ["mining.authorize"] = true, login = true, eth_submitLogin = true }

local connections -- by ports, then addresses of a direction: {connection, side of its sender}
local response_to, response_in, times, asked, lateness -- by key, see key_of
local function forget()
    connections = {}
    response_to, response_in, times, asked, lateness = {}, {}, {}, {}, {}
end
forget()

-- A number for a message: its frame, and where in the reassembled bytes of that frame it begins.
local function key_of(frame, offset)
    return frame + offset * 2 ^ 28
end

local function frame_of(key)
    return key % 2 ^ 28
end

-- The method that a response answers; most are for shares, and not kept one by one.
local function method_asked(key)
    return asked[key] or response_to[key] and asked[key] == nil and "mining.submit" or nil
end

local function ends_of(source, target, source_port, target_port)
    local ports = source_port * 65536 + target_port
    local list = connections[ports]
    if not list then
        list = {}
        connections[ports] = list
    end
    return list, source .. ">" .. target
end

-- `start`: this is a connection's first data. Returns it and the side that sends, 1 or 2.
local function connection_of(pinfo, start)
    local source, target = tostring(pinfo.src), tostring(pinfo.dst)
    local source_port, target_port = pinfo.src_port, pinfo.dst_port
    local list, name = ends_of(source, target, source_port, target_port)
    local known = list[name]
    if not known or start and not pinfo.visited then
        local connection = { open = { {}, {} }, count = 0, pending = { {}, {} } }
        known = { connection, 1 }
        list[name] = known
        list, name = ends_of(target, source, target_port, source_port)
        list[name] = { connection, 2 }
    end
    return known[1], known[2]
end

-- Is the port one of those in the preferences, a text such as "3333-3336,4444"?
local function is_pool_port(port)
    for first, last in (stratum.prefs.ports .. ","):gmatch("(%d+)-?(%d*),") do
        if port >= tonumber(first) and port <= (tonumber(last) or tonumber(first)) then
            return true
        end
    end
    return false
end

-- Which side is the pool's: the one with a port that is known; else what is said tells.
local function learn_sides(connection, side, pinfo, name)
    if not connection.pool then
        local source, target = is_pool_port(pinfo.src_port), is_pool_port(pinfo.dst_port)
        connection.sure = source ~= target
        if source == target then
            source = pinfo.src_port < pinfo.dst_port
        end
        connection.pool = source and side or 3 - side
    end
    if name and (from_miner[name] or from_pool[name]) then
        connection.sure, connection.pool = true, from_pool[name] and side or 3 - side
    end
end

local function is_request(connection, side)
    return message.kind == "request" or
        message.kind == "notification" and message.id_type == "null" and side ~= connection.pool
end

-- An open request stands in two lists: of all, oldest first (before, after), and of those with its
-- id and side (next). Entries are used again.
local spare

local function leave(connection, entry)
    local before, after = entry.before, entry.after
    if before then
        before.after = after
    else
        connection.oldest = after
    end
    if after then
        after.before = before
    else
        connection.newest = before
    end
    connection.open[entry.side][entry.id] = entry.next -- it is the first of those with its id
    if entry.next then
        entry.next.tail = entry.tail
    end
    connection.count = connection.count - 1
    entry.before, entry.next, entry.tail, entry.after = nil, nil, nil, spare
    spare = entry
end

local function put_request(connection, side, key, now)
    if connection.count == OPEN_MAX then
        leave(connection, connection.oldest)
    end
    local entry, id, newest = spare, message.id_key, connection.newest
    if entry then
        spare = entry.after
    else
        entry = { id = 0, side = 0, key = 0, now = 0, method = 0, before = 0, after = 0, next = 0 }
    end
    entry.id, entry.side, entry.key, entry.now, entry.method = id, side, key, now, message.name
    entry.before, entry.after, entry.next = newest, nil, nil
    if newest then
        newest.after = entry
    else
        connection.oldest = entry
    end
    connection.newest, connection.count = entry, connection.count + 1
    local first = connection.open[side][id]
    if first then
        (first.tail or first).next = entry
        first.tail = entry
    else
        connection.open[side][id] = entry
    end
end

local function take_response(connection, side, key, now)
    local entry = message.id_key and connection.open[3 - side][message.id_key]
    if not entry then
        return
    end
    local request, waited, method = entry.key, now - entry.now, entry.method
    leave(connection, entry)
    if waited > seen.timeout then
        lateness[key] = true
        return
    end
    response_to[key], response_in[request], times[key] = request, key, waited
    if method ~= "mining.submit" then
        asked[key] = method or false
    end
end

local function pair(connection, side, key, now)
    if is_request(connection, side) then
        put_request(connection, side, key, now)
    elseif message.kind == "response" then
        take_response(connection, side, key, now)
    end
end

-- ---- what is inside: for the tree ---------------------------------------------------------------
-- A context: text, base (offset of the text in the tvb), tvb, tree.
local function range_of(context, value)
    return context.tvb(context.base + value[1] - 1, value[2] - value[1])
end

local function add_text(context, name, value)
    if value then
        context.tree:add(F[name], range_of(context, value), value_text(context.text, value))
    end
end

local function add_hex(context, name, value)
    local number = hex_of(context.text, value)
    if number then
        context.tree:add(F[name], range_of(context, value), number)
    end
    return number
end

local function add_number(context, name, value, whole)
    local number = number_of(context.text, value)
    if number and (not whole or number >= 0 and number < 2 ^ 32 and number % 1 == 0) then
        context.tree:add(F[name], range_of(context, value), number)
    end
end

local function add_bool(context, name, value)
    local c = value and byte(context.text, value[1])
    if c == 116 or c == 102 then
        context.tree:add(F[name], range_of(context, value), c == 116)
    end
end

local function add_made(context, name, value, content)
    context.tree:add(F[name], range_of(context, value), content):set_generated()
end

local function add_time(context, value)
    local seconds = add_hex(context, "ntime", value)
    if seconds then
        add_made(context, "ntime.utc", value, NSTime.new(seconds, 0))
    end
end

-- As block explorers write it: Stratum sends eight words, each with its bytes in order.
local function block_hash(text, value)
    local digits = value and value_text(text, value, 64)
    if not digits or not find(digits, "^%x+$") or #digits ~= 64 then
        return nil
    end
    return (gsub(digits, "(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)" ..
        "(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)(%x%x%x%x%x%x%x%x)",
        "%8%7%6%5%4%3%2%1"))
end

-- BIP 34: the coinbase's script begins with a push of the height. 82 digits are version, count of
-- inputs and the outpoint, two more the length of the script.
local function height_of(text, value)
    if not is_string(text, value) or value[2] - value[1] < 90 then
        return nil
    end
    local length, digits = match(text, "^0([1-4])(%x%x%x%x%x?%x?%x?%x?)", value[1] + 85)
    length = tonumber(length)
    if not length or #digits < 2 * length then
        return nil
    end
    local height = 0
    for i = length, 1, -1 do
        height = height * 256 + tonumber(sub(digits, 2 * i - 1, 2 * i), 16)
    end
    return height
end

-- The difficulty of a compact target: what 1d00ffff would be divided by it.
local function difficulty_of(nbits)
    local mantissa, exponent = nbits % 2 ^ 23, math.floor(nbits / 2 ^ 24)
    return mantissa > 0 and 0xffff / mantissa * 2 ^ (8 * (29 - exponent)) or nil
end

local inside = {}

inside["mining.configure"] = function(context, params)
    for _, name in ipairs(elements(context.text, params[1])) do
        add_text(context, "extension", name)
    end
    add_hex(context, "version_mask", members(context.text, params[2])["version-rolling.mask"])
end

inside["mining.subscribe"] = function(context, params)
    add_text(context, "user_agent", params[1])
    add_text(context, "session_id", is_string(context.text, params[2]) and params[2] or nil)
    add_text(context, "host", params[3]) -- these two from Zcash
    add_text(context, "port", params[4])
end

inside["mining.authorize"] = function(context, params)
    add_text(context, "worker", params[1])
    add_text(context, "password", params[2])
end

inside["eth_submitLogin"] = inside["mining.authorize"]

-- Coins give one method several forms; what all the positions look like tells which it is, as in
-- HashScope's API (lib/stratum/fields.c). s: a string, n: one of up to 8 characters without "0x",
-- l: a longer one, a: an array, b: true or false, 0: a string or null.
local function is_like(text, list, shape)
    for i = 1, #shape do
        local kind, value = byte(shape, i), list[i]
        local c = value and byte(text, value[1])
        local short = c == 34 and value[2] - value[1] <= 10
        if kind == 115 and c ~= 34 or -- s
            kind == 110 and not (short and sub(text, value[1] + 1, value[1] + 2) ~= "0x") or
            kind == 108 and (short or c ~= 34) or -- l
            kind == 97 and c ~= 91 or -- a
            kind == 98 and c ~= 116 and c ~= 102 or -- b
            kind == 48 and c ~= 34 and c ~= 110 then -- 0
            return false
        end
    end
    return true
end

local function is_just(text, list, shape)
    return #list == #shape and is_like(text, list, shape)
end

local function submit_form(text, list)
    return is_like(text, list, "sssnn") and "bitcoin" or is_just(text, list, "ssnsl") and "zcash" or
        is_just(text, list, "sss") and "ethereum" or nil
end

local function notify_form(text, list)
    return is_like(text, list, "ssssannn") and "bitcoin" or
        is_just(text, list, "snsssnnb") and "zcash" or
        is_just(text, list, "sssb") and "ethereum" or nil
end

-- Of what fits no form, a name would be a wrong one.
local function add_positions(context, list)
    for _, value in ipairs(list) do
        add_text(context, "param", value)
    end
end

local submit_inside, notify_inside = {}, {}

submit_inside.bitcoin = function(context, params)
    add_text(context, "worker", params[1])
    add_text(context, "job_id", params[2])
    add_text(context, "extranonce2", params[3])
    add_time(context, params[4])
    add_hex(context, "nonce", params[5])
    add_hex(context, "version_bits", params[6])
end

-- Numbers have the byte order of the header here (ZIP 301), and are not read any further.
submit_inside.zcash = function(context, params)
    add_text(context, "worker", params[1])
    add_text(context, "job_id", params[2])
    add_hex(context, "ntime", params[3])
    add_text(context, "nonce2", params[4])
    add_text(context, "solution", params[5])
end

submit_inside.ethereum = function(context, params)
    add_text(context, "worker", params[1])
    add_text(context, "job_id", params[2])
    add_text(context, "nonce.text", params[3])
end

inside["mining.submit"] = function(context, params)
    (submit_inside[submit_form(context.text, params)] or add_positions)(context, params)
end

notify_inside.zcash = function(context, params)
    add_text(context, "job_id", params[1])
    add_hex(context, "version", params[2])
    add_text(context, "prevhash", params[3])
    add_text(context, "merkle_root", params[4])
    add_text(context, "reserved", params[5])
    add_hex(context, "ntime", params[6])
    add_hex(context, "nbits", params[7])
    add_bool(context, "clean_jobs", params[8])
end

notify_inside.ethereum = function(context, params)
    add_text(context, "job_id", params[1])
    add_text(context, "seed_hash", params[2])
    add_text(context, "header_hash", params[3])
    add_bool(context, "clean_jobs", params[4])
end

-- The last of true and false: some pools put more behind it.
local function clean_of(text, params)
    for i = #params, 9, -1 do
        local c = byte(text, params[i][1])
        if c == 116 or c == 102 then
            return params[i]
        end
    end
end

notify_inside.bitcoin = function(context, params)
    local text = context.text
    add_text(context, "job_id", params[1])
    add_text(context, "prevhash", params[2])
    local hash = block_hash(text, params[2])
    if hash then
        add_made(context, "previous_block", params[2], hash)
    end
    add_text(context, "coinbase1", params[3])
    local height = height_of(text, params[3])
    if height then
        add_made(context, "height", params[3], height)
    end
    add_text(context, "coinbase2", params[4])
    local branches = elements(text, params[5])
    if params[5] then
        add_made(context, "merkle_count", params[5], #branches)
    end
    for _, branch in ipairs(branches) do
        add_text(context, "merkle_branch", branch)
    end
    add_hex(context, "version", params[6])
    local nbits = add_hex(context, "nbits", params[7])
    local difficulty = nbits and difficulty_of(nbits)
    if difficulty then
        add_made(context, "network_difficulty", params[7], difficulty)
    end
    add_time(context, params[8])
    add_bool(context, "clean_jobs", clean_of(text, params))
end

inside["mining.notify"] = function(context, params)
    (notify_inside[notify_form(context.text, params)] or add_positions)(context, params)
end

inside["eth_submitWork"] = function(context, params)
    add_text(context, "nonce.text", params[1])
    add_text(context, "header_hash", params[2])
    add_text(context, "mix_digest", params[3])
end

inside["mining.set_difficulty"] = function(context, params)
    add_number(context, "difficulty", params[1])
end
inside["mining.suggest_difficulty"] = inside["mining.set_difficulty"]

inside["mining.set_target"] = function(context, params)
    add_text(context, "target", params[1])
end
inside["mining.suggest_target"] = inside["mining.set_target"]

inside["mining.set_extranonce"] = function(context, params)
    add_text(context, "extranonce1", params[1])
    add_number(context, "extranonce2_size", params[2], true)
end

inside["mining.set_version_mask"] = function(context, params)
    add_hex(context, "version_mask", params[1])
end

inside["client.reconnect"] = function(context, params)
    add_text(context, "host", params[1])
    add_text(context, "port", params[2])
    add_number(context, "wait", params[3], true)
end

inside["client.show_message"] = function(context, params)
    add_text(context, "message", params[1])
end

-- Parameters that are an object: those of Monero's pools.
local members_inside = {}

members_inside["login"] = function(context, params)
    add_text(context, "worker", params.login)
    add_text(context, "password", params.pass)
    add_text(context, "user_agent", params.agent)
end

members_inside["job"] = function(context, params)
    add_text(context, "job_id", params.job_id)
    add_text(context, "blob", params.blob)
    add_text(context, "target", params.target)
    add_number(context, "height", params.height, true)
    add_text(context, "seed_hash", params.seed_hash)
    add_text(context, "algorithm", params.algo)
end

members_inside["submit"] = function(context, params)
    add_text(context, "session_id", params.id)
    add_text(context, "job_id", params.job_id)
    add_text(context, "nonce.text", params.nonce)
    add_text(context, "share_hash", params.result)
end

members_inside["mining.hello"] = function(context, params)
    add_text(context, "user_agent", params.agent)
    add_text(context, "host", params.host)
    add_text(context, "port", params.port)
end

members_inside["mining.set"] = function(context, params)
    add_text(context, "extranonce1", params.extranonce)
    add_text(context, "target", params.target)
    add_text(context, "algorithm", params.algo)
end

local result_inside = {}

result_inside["login"] = function(context, result)
    local parts = members(context.text, result)
    add_text(context, "session_id", parts.id)
    members_inside["job"](context, members(context.text, parts.job))
    add_text(context, "status", parts.status)
end
result_inside["getjob"] = function(context, result)
    members_inside["job"](context, members(context.text, result))
end

result_inside["eth_getWork"] = function(context, result)
    local parts = elements(context.text, result)
    add_text(context, "header_hash", parts[1])
    add_text(context, "seed_hash", parts[2])
    add_text(context, "target", parts[3])
end

result_inside["mining.subscribe"] = function(context, result)
    local parts = elements(context.text, result)
    if is_just(context.text, parts, "0s") then -- Zcash
        add_text(context, "session_id", is_string(context.text, parts[1]) and parts[1] or nil)
        add_text(context, "extranonce1", parts[2])
        return
    elseif not is_like(context.text, parts, "as") then
        add_positions(context, parts)
        return
    end
    local first = elements(context.text, parts[1])
    local subscription = is_string(context.text, first[1]) and first or
        elements(context.text, first[1])
    add_text(context, "session_id", subscription[2])
    add_text(context, "extranonce1", parts[2])
    add_number(context, "extranonce2_size", parts[3], true)
end

result_inside["mining.configure"] = function(context, result)
    add_hex(context, "version_mask", members(context.text, result)["version-rolling.mask"])
end

result_inside["client.get_version"] = function(context, result)
    add_text(context, "user_agent", result)
end

local function is_number(text, value)
    return value and find(text, "^[-%d]", value[1]) ~= nil
end

local function is_saying(text, value)
    return is_string(text, value) and value[2] - value[1] > 2
end

-- Code and text, wherever in its error a pool puts them: [code, text, …], {"code":…,"message":…}, a
-- text or a number; as HashScope's API has them (lib/stratum/message.c).
local function error_parts(text, value)
    local parts, code, why = { value }, nil, nil
    if byte(text, value[1]) == 123 then
        local named = members(text, value)
        return is_number(text, named.code) and named.code or nil,
            is_saying(text, named.message) and named.message or nil
    elseif byte(text, value[1]) == 91 then
        parts = elements(text, value)
    end
    for _, part in ipairs(parts) do
        code = code or is_number(text, part) and part or nil
        why = why or is_saying(text, part) and part or nil
    end
    return code, why
end

local function add_error(context)
    add_text(context, "error", message.error)
    if message.error and not is_empty(context.text, message.error) then
        local code, text = error_parts(context.text, message.error)
        local number = number_of(context.text, code)
        if number and math.abs(number) < 2 ^ 31 and number % 1 == 0 then
            context.tree:add(F["error.code"], range_of(context, code), number)
        end
        add_text(context, "error.message", text)
    end
    add_text(context, "reject_reason", message["reject-reason"])
end

local function link(tree, name, key)
    tree:add(F[name], frame_of(key)):set_generated()
end

local function add_links(context, key)
    local tree, request = context.tree, response_to[key]
    if request then
        link(tree, "response_to", request)
        local seconds = math.floor(times[key])
        local rest = math.floor((times[key] - seconds) * 1e9 + 0.5)
        tree:add(F.time, NSTime.new(seconds, rest)):set_generated()
        if method_asked(key) then
            tree:add(F.request_method, printable(method_asked(key), 256)):set_generated()
        end
    elseif response_in[key] then
        link(tree, "response_in", response_in[key])
    end
end

local function add_fields(context, connection, side, key)
    local text, tree = context.text, context.tree
    tree:add(F.from, side == connection.pool and "pool" or "miner"):set_generated()
    tree:add(F.kind, message.kind):set_generated()
    add_text(context, "method", message.method)
    add_text(context, "id", message.id)
    if message.id then
        tree:add(F["id.type"], message.id_type):set_generated()
    end
    add_links(context, key)
    if message.params then
        local object = byte(text, message.params[1]) == 123
        local decode = object and members_inside[message.name] or not object and
            (inside[message.name] or add_positions)
        local parts = decode and (object and members or elements)(text, message.params)
        context.tree = tree:add(F.params, range_of(context, message.params),
            value_text(text, message.params))
        if decode then
            decode(context, parts)
        end
        context.tree = tree
    end
    if message.result then
        local decode = result_inside[method_asked(key)]
        context.tree = tree:add(F.result, range_of(context, message.result),
            value_text(text, message.result))
        if decode then
            decode(context, message.result)
        end
        context.tree = tree
    end
    if message.kind == "response" and hands_in[method_asked(key)] then
        tree:add(F.accepted, not message.refused):set_generated()
    end
    if message.error or message["reject-reason"] then
        add_error(context)
    end
end

-- ---- what is inside: for the Info column --------------------------------------------------------
local say = {}
local value_at = {}

-- The texts of an array's first elements, `count` of them, without tables.
local function texts_of(text, at, limit, count)
    if count == 0 or byte(text, at) == 93 then
        return nil
    end
    local behind = skip_value(text, at, 1)
    if not behind then
        return nil
    end
    local after = space(text, behind)
    local first = not escapes and byte(text, at) == 34 and sub(text, at + 1, behind - 2)
    if not first or #first > limit or not find(first, "^%g*$") then
        value_at[1], value_at[2] = at, behind
        first = value_text(text, value_at, limit)
    end
    if byte(text, after) ~= 44 then
        return first
    end
    return first, texts_of(text, space(text, after + 1), limit, count - 1)
end

local function first_texts(text, params, limit, count)
    if byte(text, params[1]) ~= 91 then
        return nil
    end
    return texts_of(text, space(text, params[1] + 1), limit, count)
end

say["mining.submit"] = function(text, params)
    local worker, job, third, _, nonce = first_texts(text, params, 64, 5)
    if not job then
        return nil
    elseif not nonce then
        nonce = third
    elseif #nonce > 8 then
        nonce = nil -- a solution, or of a coin that is not known
    end
    return " " .. worker .. ", job " .. job .. (nonce and ", nonce " .. nonce or "")
end

say["mining.notify"] = function(text, params)
    local list = elements(text, params)
    local form = notify_form(text, list)
    local height = form == "bitcoin" and height_of(text, list[3])
    local clean = form == "bitcoin" and clean_of(text, list) or form and list[#list]
    return list[1] and format(" job %s%s%s", value_text(text, list[1], 24),
        height and " for block " .. height or "",
        clean and byte(text, clean[1]) == 116 and ", clean" or "")
end

local function say_first(text, params)
    local first = first_texts(text, params, 80, 1)
    return first and " " .. first
end
for name in ([[mining.subscribe mining.authorize mining.set_difficulty mining.set_target
    mining.suggest_difficulty mining.suggest_target mining.set_extranonce mining.set_version_mask
    client.show_message]]):gmatch("%S+") do
    say[name] = say_first
end

say["client.reconnect"] = function(text, params)
    local host, port = first_texts(text, params, 80, 2)
    return port and " to " .. host .. " port " .. port
end

local function say_refusal(text)
    local value = message.error and not is_empty(text, message.error) and message.error
    if not value then
        value = message["reject-reason"]
        return value and value_text(text, value, 80) or "false"
    end
    local code, why = error_parts(text, value)
    if not code and not why then
        return value_text(text, value, 80)
    end
    return (code and value_text(text, code, 16) .. " " or "") .. (why and value_text(text, why, 80) or "")
end

local function say_response(text, key)
    local name = method_asked(key)
    local what = name and printable(name, 64) or "response"
    if message.refused then
        what = what .. " refused: " .. say_refusal(text)
    elseif hands_in[name] or logs_in[name] then
        what = what .. " accepted"
    else
        what = what .. (name and " answered" or "")
    end
    return what, times[key] and format(", %.3f ms", times[key] * 1000) or ""
end

local function info_of(text, key)
    local what, more = nil, ""
    if message.name then
        local words_of = say[message.name]
        what = printable(message.name, 64)
        if words_of and message.params then
            more = words_of(text, message.params) or ""
        end
    elseif message.kind == "response" then
        what, more = say_response(text, key)
    elseif message.fault then
        return (message.fault == "empty line" and "empty line" or
            message.fault .. ": " .. printable(sub(text, 1, 96), 80))
    else
        what = "JSON: " .. printable(sub(text, 1, 96), 80)
    end
    if message.id and message.id_type ~= "null" then
        return what .. more .. " (id " .. value_text(text, message.id, 24) .. ")"
    end
    return what .. more
end

-- ---- dissecting ---------------------------------------------------------------------------------
-- Is a field of ours in a filter, a column or a statistic? Wireshark marks a protocol when one of
-- its fields is asked for; a frame that is drawn alone has other marks than the pass before, so that
-- each is asked for.
local handle
local function is_wanted(tree)
    handle = handle or Dissector.get("stratum")
    if tree.visible or not tree:referenced(handle) then
        return tree.visible
    end
    for _, one in ipairs(fields) do -- the protocol's name, or a note, is there without any field
        if tree:referenced(one) then
            return true
        end
    end
    return false
end

local function note_experts(tree, key, pinfo, side, connection)
    if message.fault then
        tree:add_proto_expert_info(E.malformed,
            message.fault .. " at byte " .. (message.fault_at - 1))
    elseif message.lesser then
        tree:add_proto_expert_info(E.lenient, message.lesser)
    end
    if message.refused then
        tree:add_proto_expert_info(E.rejected, message.refusal)
    elseif message.name == "client.reconnect" then
        tree:add_proto_expert_info(E.reconnect)
    end
    if lateness[key] then
        tree:add_proto_expert_info(E.late)
    elseif pinfo.visited and not response_in[key] and is_request(connection, side) then
        tree:add_proto_expert_info(E.unanswered)
    end
end

-- One line at `base` of the tvb, `length` bytes with its line end; text is without.
local function dissect_line(tvb, pinfo, tree, connection, side, text, base, length, wanted)
    scan_line(text)
    local key = key_of(pinfo.number, base)
    if not connection.sure then
        learn_sides(connection, side, pinfo, message.name)
    end
    if not pinfo.visited then
        pair(connection, side, key, pinfo.rel_ts)
    end
    if message.fault == nil then
        local why, at = lesser_fault(text)
        message.lesser = why and why .. " at byte " .. (at - 1)
    end
    if message.refused then
        message.refusal = "Refused: " .. say_refusal(text)
    end
    local info = info_of(text, key)
    local item = tree:add(stratum, tvb(base, length))
    if wanted then
        item:append_text(", " .. info)
        add_fields({ text = text, base = base, tvb = tvb, tree = item }, connection, side, key)
        if message.fault then
            item:add(F.text, tvb(base, length), printable(text, TEXT_MAX))
        end
    end
    if message.fault or message.lesser or message.refused or lateness[key] or
        message.name == "client.reconnect" or pinfo.visited and message.id and message.name then
        note_experts(item, key, pinfo, side, connection)
    end
    return info
end

-- A frame comes here once for each reassembled part of it; and twice in a row when it is drawn
-- again, with the columns as TCP left them. What stands there tells which it is.
local function show_info(pinfo, infos)
    local text, columns = infos[2] and table.concat(infos, " | ") or infos[1], pinfo.cols
    local column = columns.info
    columns.protocol = "Stratum"
    if seen.column == pinfo.number and find(tostring(column), seen.info, 1, true) == 1 then
        column:append(" | " .. text)
    else
        column:set(text)
        seen.info = sub(text, 1, INFO_COMPARED)
    end
    column:fence()
    seen.column = pinfo.number
end

-- No text: TLS, or one of the binary protocols. Looked for where a line begins.
local function is_binary(data, at)
    return find(sub(data, at, at + 63), "[%z\1-\8\14-\31]") ~= nil
end

local function dissect_binary(tvb, pinfo, tree, at)
    local rest = tvb(at - 1)
    if at == 1 and rest:len() > 2 and rest(0, 1):uint() == 22 and rest(1, 1):uint() == 3 then
        local tls = Dissector.get("tls")
        if tls then
            pcall(tls.call, tls, tvb, pinfo, tree) -- what is broken is shown as such
            return
        end
    end
    tree:add(stratum, rest):add(F.data, rest)
    pinfo.cols.protocol = "Stratum"
    pinfo.cols.info = format("no text, %d bytes", rest:len())
end

-- Does text that has no line end yet make a message all the same? So ends the last one of some.
local function is_whole(data, at)
    local c = byte(data, #data)
    if c ~= 125 and c ~= 93 then
        return false
    end
    escapes = true
    local first = space(data, at)
    local behind = find(data, "^[{[]", first) and skip_value(data, first, 0)
    return behind == #data + 1
end

-- Long lines arrive in many calls with ever more bytes: only the new ones are looked at.
local function still_waiting(tvb, pending)
    local length = tvb:len()
    if not pending.length or pending.length < 2 ^ 16 or length <= pending.length or
        length > LINE_MAX then
        return false
    end
    local new = tvb:raw(pending.length - 16)
    if sub(new, 1, 16) ~= pending.last or find(new, "\n", 1, true) or byte(new, -1) == 125 then
        return false
    end
    pending.length, pending.last = length, sub(new, -16)
    return true
end

local function wait_for_more(pinfo, pending, data, at)
    pending.length, pending.last = #data - at + 1, sub(data, -16)
    pinfo.desegment_offset = at - 1
    pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
end

local function dissect(tvb, pinfo, tree, start)
    local connection, side = connection_of(pinfo, start)
    local pending = connection.pending[side]
    if not pinfo.visited and still_waiting(tvb, pending) then
        pinfo.desegment_offset = 0
        pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
        return tvb:len()
    end
    pending.length = nil
    local data, at, infos = tvb:raw(), 1, {}
    local wanted = is_wanted(tree)
    while at <= #data do
        local newline = find(data, "\n", at, true)
        local last = newline or #data
        if not newline and is_binary(data, at) then
            dissect_binary(tvb, pinfo, tree, at)
            break
        elseif not newline and pinfo.can_desegment > 0 and #data - at < LINE_MAX and
            not is_whole(data, at) then
            wait_for_more(pinfo, pending, data, at)
            break
        end
        local stop_at = newline and newline - 1 or last
        if newline and byte(data, stop_at) == 13 and stop_at >= at then
            stop_at = stop_at - 1
        end
        local text = sub(data, at, stop_at)
        infos[#infos + 1] = dissect_line(tvb, pinfo, tree, connection, side, text, at - 1,
            last - at + 1, wanted)
        at = last + 1
    end
    if #infos > 0 then
        show_info(pinfo, infos)
    end
    return tvb:len()
end

function stratum.dissector(tvb, pinfo, tree)
    return dissect(tvb, pinfo, tree, false)
end

function beginning.dissector(tvb, pinfo, tree)
    pinfo.conversation = stratum
    return dissect(tvb, pinfo, tree, true)
end

-- ---- registering --------------------------------------------------------------------------------
local function looks_like_stratum(tvb)
    if tvb:len() < 20 then
        return false
    end
    local head = tvb:raw(0, math.min(tvb:len(), 2048))
    return find(head, '^%s*{') and find(head, '"method"%s*:%s*"mining%.[%l_.]+"') ~= nil
end

stratum:register_heuristic("tcp", function(tvb, pinfo, tree)
    if not looks_like_stratum(tvb) then
        return false
    end
    pinfo.conversation = stratum
    dissect(tvb, pinfo, tree, true)
    return true
end)

local tcp_ports = DissectorTable.get("tcp.port")
local registered = DEFAULT_PORTS
tcp_ports:add(registered, beginning)

function stratum.init()
    forget()
    see_anew()
end

function stratum.prefs_changed()
    seen.timeout = stratum.prefs.timeout
    if stratum.prefs.ports ~= registered then
        tcp_ports:remove(registered, beginning)
        registered = stratum.prefs.ports
        tcp_ports:add(registered, beginning)
    end
end
