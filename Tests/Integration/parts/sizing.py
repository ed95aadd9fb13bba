"""The formulae of docs/operations.md#sizing: what they give with the constants that stand there, and the
constants that measured fleets give.
"""

import re

SYMBOLS = "csmtedabn"


def planned(page):
    """{symbol: the constant to plan with}, as the page has them."""
    found = dict(re.findall(r"^\| `(\w)` \|[^|]*\| ([\d.]+) \|", page, re.MULTILINE))
    assert sorted(found) == sorted(SYMBOLS)
    return {symbol: float(text) for symbol, text in found.items()}


def vcpu(constants, targets, series, interval):
    rate = targets * (series + 5) / interval
    return 0.001 + constants["s"] / 1e3 * targets / interval + constants["c"] / 1e6 * rate


def mebibytes(constants, targets, series, different):
    of_targets = constants["t"] * targets + constants["e"] * targets * series
    return constants["m"] + (of_targets + constants["d"] * different) / (1 << 20)


def formulae(constants, targets, series, different, interval):
    """Samples a second, vCPU, MiB resident, GB written a day, MB for an hour without the destination, GB sent
    a day, billion samples a month, dollars a month.
    """
    rate = targets * (series + 5) / interval
    stated = constants["a"] * different + 4 * targets * series
    length = max(32 << 20, 8 * stated)
    scrapes = 3600 * constants["b"] * rate
    segments = max(min(4, max(1, scrapes / (7 * stated))), scrapes / (length - stated))
    hour = scrapes + segments * stated
    month = 2_628_000 * rate
    billed = max(0, month - 40e6)
    dollars = min(billed, 2e9) * 0.9 + min(max(0, billed - 2e9), 250e9) * 0.35
    return [
        rate, vcpu(constants, targets, series, interval), mebibytes(constants, targets, series, different),
        24 * hour / 1e9, hour / 1e6, 86_400 * constants["n"] * rate / 1e9, month / 1e9, dollars / 1e7,
    ]  # fmt: skip


def formulae_table(page, rows):
    """The lines of the table "what the formulae give", for the fleets of `rows`, as lists of cells."""
    lines = []
    for row in rows:
        fleet = [float(number.replace(",", "")) for number in re.findall(r"[\d,.]+", " ".join(row[:3]))]
        values = formulae(planned(page), *fleet)
        # Three decimals where two would show nothing.
        places = [0, 3, 0, 3 if values[3] < 0.005 else 2, 0, 2, 2, 0]
        cells = row[:3] + [f"{value:,.{digits}f}" for value, digits in zip(values, places)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def smallest_task(page):
    """Series every 30 s, 1,000 a target, that 0.25 vCPU and 512 MiB bear by the constants to plan with: half
    of the processor; the memory, all equal; the memory, all different.
    """
    constants = planned(page)
    a_million = vcpu(constants, 1_000, 1_000, 30) - 0.001
    free = (512 - constants["m"]) * (1 << 20)
    equal = constants["t"] / 1_000 + constants["e"]
    return (0.125 - 0.001) / a_million * 1e6, free / equal, free / (equal + constants["d"])


def measured(fleets):
    """{symbol: figures of a constant} of one run over all fleets; a symbol is left out where a fleet that it
    needs was not measured.

    `fleets` has, by name, the figures of 10 × 1,000 (`few`), 100 × 1,000 (`equal`), the same all different
    (`different`), 1,000 × 100 (`many`) and 1,000 × 1,000 (`large`).
    """
    found = {}
    if "few" in fleets:
        found["m"] = [fleets["few"]["MiB"]]
    every = [fleets[name] for name in ("equal", "different", "many", "large") if name in fleets]
    found["b"] = [figures["buffer bytes"] for figures in every]
    found["n"] = [figures["sent bytes"] for figures in every]
    if "different" in fleets:
        figures = fleets["different"]
        series = figures["targets"] * figures["series"]
        found["a"] = [figures["stated bytes"] / series - 4]
    if {"equal", "different"} <= set(fleets):
        # What is different besides: all series but those of one target.
        further = fleets["different"]["targets"] * fleets["different"]["series"] - fleets["equal"]["series"]
        found["d"] = [(fleets["different"]["MiB"] - fleets["equal"]["MiB"]) * (1 << 20) / further]
    if {"equal", "many", "large"} <= set(fleets):
        found |= _of_targets(fleets["equal"], fleets["many"], fleets["large"], found)
    return {symbol: found[symbol] for symbol in SYMBOLS if found.get(symbol)}


def _of_targets(equal, many, large, found):
    """What targets, scrapes and samples cost: two fleets with as many series in 100 and 1,000 targets."""

    def scrapes(figures):
        return figures["targets"] / figures["interval"]

    # Samples cost the same in both but for `up` and its kin, of which there are more where there are more
    # targets; what a sample costs is taken from the large fleet, and then again without the scrapes' part.
    scrape = 0.0
    for _ in range(20):
        sample = (large["cores"] - 0.001 - scrape * scrapes(large)) / large["rate"]
        further = many["cores"] - equal["cores"] - sample * (many["rate"] - equal["rate"])
        scrape = max(0.0, further / (scrapes(many) - scrapes(equal)))
    costs = {
        "s": [scrape * 1e3],
        "c": [
            (figures["cores"] - 0.001 - scrape * scrapes(figures)) / figures["rate"] * 1e6
            for figures in (equal, large)
        ],
    }
    different = found.get("d", [0.0])[0]
    further = (many["MiB"] - equal["MiB"]) * (1 << 20)
    further -= different * (many["series"] - equal["series"])
    target = further / (many["targets"] - equal["targets"])
    costs["t"] = [target]
    if "m" in found:
        rest = (large["MiB"] - found["m"][0]) * (1 << 20)
        rest -= target * large["targets"] + different * large["series"]
        costs["e"] = [rest / (large["targets"] * large["series"])]
    return costs
