"""A minute explained, as branches of a tree."""

from rich.tree import Tree

from tapehouse.explain_lake import Row, text
from tapehouse.explain_text import DIM, PRICES, flags, line, number, numbers, whole

COUNTS = ("volume", "vwap", "day_volume_high", "quote_count")


def draw_minute(root: Tree, tree: Row, *, frames: bool) -> None:
    for one in tree["sources"]:
        _source(root, one, frames=frames)
    rejected = tree["rejected"]
    of_minute, beside = rejected["of_the_minute"], rejected["untimed_beside_it"]
    branch = root.add(line(f"rejected messages of this minute: {len(of_minute)}"))
    for message in of_minute:
        branch.add(line(f"{_place(message)}: {', '.join(message['violations'])}"))
    if beside:
        told = ", ".join(f"{rule} {count}" for rule, count in beside.items())
        branch.add(line(f"and such as say no time, taken by Kafka when these quotes were: {told}", DIM))


def _source(root: Tree, one: Row, *, frames: bool) -> None:
    bar, quotes = one["bar"], one["quotes"]
    if bar is None:
        branch = root.add(line(f"{one['source']}: no bar, but quotes in silver.quotes", "bold"))
    else:
        state = "final" if bar["is_final"] else "not final"
        branch = root.add(
            line(f"{one['source']} in gold.bars_1m: {state}, revision {bar['revision']}", "bold")
        )
        branch.add(line(numbers(bar, PRICES)))
        branch.add(line(numbers({name: bar[name] for name in COUNTS}, COUNTS)))
        complete = "complete" if bar["volume_is_complete"] else "not complete"
        branch.add(line(f"session {bar['session']}, segment {bar['segment']}, volume {complete}"))
    repeated = sum(len(quote["duplicates"]) for quote in quotes)
    made = branch.add(line(f"made of {len(quotes)} quotes; duplicates of them in bronze.quotes: {repeated}"))
    made.add(line(f"day_volume before the minute: {number(one['seed'])}", DIM))
    made.add(line("time, price at day_volume, Kafka's topic/partition/offset: what it gives", DIM))
    for quote in quotes:
        _quote(made, quote, frames=frames)


def _quote(root: Tree, quote: Row, *, frames: bool) -> None:
    clock = f"{quote['event_time']:%H:%M:%S}.{quote['event_time'].microsecond // 1000:03d}"
    price = text(quote["price_in_gold"])
    if quote["price"] != quote["price_in_gold"]:
        price += f" ({text(quote['price'])} {quote['currency']})"
    rise = [f"volume +{quote['rise']:,}"] if quote["rise"] else []
    gives = ", ".join([*quote["gives"], *rise]) or "nothing"
    flagged = f" (flags: {flags(quote['flags'])})" if quote["flags"] else ""
    told = f"{clock} {price} at {number(quote['day_volume'])}, {_place(quote)}: {gives}{flagged}"
    branch = root.add(line(told))
    if quote["duplicates"]:
        branch.add(line(f"again at {', '.join(_place(one) for one in quote['duplicates'])}", DIM))
    if frames:
        branch.add(whole(quote["vendor_frame"], "cyan"))


def _place(message: Row) -> str:
    return f"{message['topic']}/{message['partition']}/{message['offset']}"
