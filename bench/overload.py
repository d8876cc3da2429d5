# SPDX-License-Identifier: Apache-2.0
"""Overload: three times what a process can do, with generator and service on a core each."""
from drive import SKUS, installation, open_loop, wrk

SERVICE, GENERATOR = ("taskset", "-c", "0"), ("taskset", "-c", "1")
CONNECTIONS = 1024
AFTER_S = 15
CALM_MS = 100
GIVE_UP_MS = 1000


def _recovery_s(series, seconds):
    """Seconds behind the overload until one in which all succeeded in CALM_MS, and all after it."""
    for number, second in reversed(list(enumerate(series[seconds:]))):
        calm = not second["refused"] and not second["other"] and not second["not_sent"]
        if not calm or second["max_ms"] > CALM_MS:
            return number + 1
    return 0


def overload(rows, options):
    """An open loop at three times the knee, then at half of it."""
    with installation("api") as made:
        made.process.terminate()
        made.process = made.start("pinned", "api", SERVICE)
        made.stock_up()
        wrk(made.process.url, 64, 2, "orders", SKUS, prefix=GENERATOR)
        knee = wrk(made.process.url, 256, options.seconds, "orders", SKUS, prefix=GENERATOR)
        seconds = options.overload
        seen = open_loop(
            made.process.port, 3 * knee["per_second"], seconds, prefix=GENERATOR,
            connections=CONNECTIONS, give_up=GIVE_UP_MS,
            then_rate=max(1, knee["per_second"] // 2), then_seconds=AFTER_S,
        )  # fmt: skip
    series = seen["series"][:seconds]
    good = sum(second["good"] for second in series) / seconds
    refused = sum(second["refused"] for second in series)
    work = f"overload, three times the knee of {knee['per_second']:,}/s for {seconds} s"
    rows.add(
        f"{work}: goodput to knee", round(good / knee["per_second"], 2), "ratio", at_least=0.9,
        status=seen["status"], broken=seen["broken"], not_sent=seen["not_sent"],
    )  # fmt: skip
    rows.add(f"{work}: refused", round(100 * refused / (3 * knee["per_second"] * seconds), 1), "%")
    rows.add(f"{work}: a refusal, p99", seen["refused"].get("p99_ms", 0), "ms", at_most=50)
    rows.add(f"{work}: normal after", _recovery_s(seen["series"], seconds), "s", at_most=10)
