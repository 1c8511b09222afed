"""Load: a steady rate for minutes, then a burst on top of it, and how soon the lag is what it was before."""

import argparse
from dataclasses import dataclass

import numpy as np

from tests.bench.candidates import STREAM
from tests.bench.lake import TAPES, say, services
from tests.bench.live import Live, run_live
from tests.bench.measure import lag, percentiles
from tests.bench.report import Report
from tests.bench.tape import Stretch, kept_tape

# so many seconds without a higher one the lag has to stay
STAYS_BACK = 20
HEADER = ("phase", "from s", "to s", "lag median", "lag max", "p50 s", "p95 s", "max s", "cores")


@dataclass(frozen=True)
class Phase:
    """A part of the run, in seconds from the first message on."""

    name: str
    begin: float
    end: float


def run(args: argparse.Namespace) -> Report:
    total = args.rate + args.burst
    phases = [
        Phase("warm-up", 0, args.warm_up),
        Phase("steady", args.warm_up, args.seconds),
        Phase("burst", args.seconds, args.seconds + args.burst_seconds),
        Phase("after", args.seconds + args.burst_seconds, args.seconds + args.burst_seconds + args.after),
    ]
    plan = [
        Stretch(args.rate * args.seconds, args.rate),
        Stretch(total * args.burst_seconds, total),
        Stretch(args.rate * args.after, args.rate),
    ]
    say("the tape (made once)")
    tape = kept_tape(plan, seed=args.seed, folder=TAPES)
    with services("load") as instance:
        live = run_live(instance, STREAM, tape, name="load", seconds=phases[-1].end)
    return report(live, phases, args)


def report(live: Live, phases: list[Phase], args: argparse.Namespace) -> Report:
    moments = np.arange(0, live.visible.max() - live.begin + 1, 1.0)
    waiting = lag(live.sent, live.visible, live.begin + moments)
    steady, burst = phases[1], phases[2]
    made = Report(
        "load",
        f"{args.rate:,}/s, and {args.burst:,}/s more for {args.burst_seconds} s",
        HEADER,
        [_row(live, phase, moments, waiting) for phase in phases],
        options=vars(args),
        details=[{"lag": waiting.tolist(), "peak_mb": live.usage.peak, "sender": live.sender}],
    )
    usual = int(waiting[(moments >= steady.begin) & (moments < steady.end)].max())
    made.notes = [
        f"the lag is back at what it was before the burst (at most {usual:,} messages) "
        f"{_recovered(moments, waiting, burst, usual, until=phases[-1].end)} after its end",
        f"what was sent in the burst was visible {_visible(live, burst):.1f} s after its end",
        f"the last message was visible {live.visible.max() - live.end:.1f} s after it was sent; verify passed",
        f"at most {live.usage.peak:,.0f} MB",
        "lag every 10 s: " + " ".join(f"{n:,}" for n in waiting[::10]),
    ]
    return made


def _row(live: Live, phase: Phase, moments: np.ndarray, waiting: np.ndarray) -> list[str]:
    begin, end = live.begin + phase.begin, live.begin + phase.end
    lags = waiting[(moments >= phase.begin) & (moments < phase.end)]
    sent = (live.sent.at >= begin) & (live.sent.at < end)
    found = percentiles((live.visible - live.sent.at)[sent])
    return [
        phase.name,
        f"{phase.begin:.0f}",
        f"{phase.end:.0f}",
        f"{np.median(lags):,.0f}",
        f"{lags.max():,}",
        f"{found['p50']:.2f}",
        f"{found['p95']:.2f}",
        f"{found['max']:.2f}",
        f"{live.usage.cpu_seconds(begin=begin, end=end) / (phase.end - phase.begin):.2f}",
    ]


def _recovered(moments: np.ndarray, waiting: np.ndarray, burst: Phase, usual: int, *, until: float) -> str:
    """When the lag was back for good, as long as messages were sent: after their end there is none by itself."""
    above = moments[(moments >= burst.end) & (moments < until) & (waiting > usual)]
    if not len(above):
        return "0 s"
    is_back = above[-1] < until - STAYS_BACK
    return f"{above[-1] - burst.end:.0f} s" if is_back else f"not within {until - burst.end:.0f} s"


def _visible(live: Live, burst: Phase) -> float:
    end = live.begin + burst.end
    return float(live.visible[live.sent.at < end].max() - end)
