-- SPDX-License-Identifier: Apache-2.0
-- wrk: places orders of one line, each of one of 1,000 SKUs; prints what it saw as one JSON line.
-- Ids are the server's choice, so no two requests collide.

local SKUS = 1000
local CUSTOMERS = 5000
local BODY = '{"customer_id":"customer%d","currency":"EUR","items":[{"sku":"sku%d","quantity":1,"unit_price_minor":%d}]}'

local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    math.randomseed(42 + number)
end

function request()
    local body = BODY:format(math.random(CUSTOMERS), math.random(SKUS), math.random(1, 9999))
    return wrk.format("POST", "/v1/orders", { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(('\nJSON {"requests":%d,"seconds":%.3f,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d}\n'):format(
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
