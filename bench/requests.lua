-- SPDX-License-Identifier: Apache-2.0
-- wrk: the requests of one kind, given behind "--"; prints what it saw as one JSON line.
--
--   orders SKUS [PREFIX]    places orders of one line; with PREFIX under ids that pay finds again
--   pay PREFIX COUNT...     pays those of thread 0, thread 1, ..., of which COUNT were placed
--   append EVENTS           appends so many events of some 300 bytes to one of 10,000 streams
--   get COUNT PREFIX SUFFIX reads PREFIX<1 to COUNT>SUFFIX
--   echo                    asks for /

local CUSTOMERS, STREAMS = 5000, 10000
local JSON = { ["Content-Type"] = "application/json" }
local ORDER = '{%s"customer_id":"customer%d","currency":"EUR","items":[{"sku":"sku%d","quantity":1,"unit_price_minor":1}]}'
local EVENT = '{"type":"Measured","data":{"text":"' .. string.rep("x", 280) .. '"}}'

local threads = {}

function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

local kinds = {}

function kinds.orders(args)
    local skus, prefix = tonumber(args[2]), args[3]
    return function()
        local id = ""
        if prefix then
            id = ('"order_id":"%s-%d-%d",'):format(prefix, number, sent)
        end
        return wrk.format("POST", "/v1/orders", JSON, ORDER:format(id, math.random(CUSTOMERS), math.random(skus)))
    end
end

function kinds.pay(args)
    local prefix, count = args[2], tonumber(args[3 + number])
    return function()
        -- Beyond what was placed there is nothing to pay: 404, and the run is refused.
        local id = sent <= count and ("%s-%d-%d"):format(prefix, number, sent) or "nothing"
        return wrk.format("POST", "/v1/orders/" .. id .. "/pay", JSON, '{"amount_minor":1}')
    end
end

function kinds.append(args)
    local body = '{"events":[' .. EVENT .. ("," .. EVENT):rep(tonumber(args[2]) - 1) .. "]}"
    return function()
        return wrk.format("POST", ("/v1/streams/bench-%d/events"):format(math.random(STREAMS)), JSON, body)
    end
end

function kinds.get(args)
    local count, prefix, suffix = tonumber(args[2]), args[3], args[4] or ""
    return function()
        return wrk.format("GET", prefix .. math.random(count) .. suffix)
    end
end

function kinds.echo()
    local asked = wrk.format("GET", "/")
    return function()
        return asked
    end
end

function init(args)
    sent = 0 -- a global: done() asks for it
    math.randomseed(42 + number)
    next_request = kinds[args[1]](args)
end

function request()
    sent = sent + 1
    return next_request()
end

function done(summary, latency, requests)
    local errors = summary.errors
    local counts = {}
    for _, thread in ipairs(threads) do
        table.insert(counts, ("%d"):format(thread:get("sent")))
    end
    io.write(
        ('\nJSON {"requests":%d,"seconds":%.3f,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d,"sent":[%s]}\n'):format(
            summary.requests,
            summary.duration / 1e6,
            latency:percentile(50) / 1e3,
            latency:percentile(99) / 1e3,
            errors.status,
            errors.connect + errors.read + errors.write + errors.timeout,
            table.concat(counts, ",")
        )
    )
end
