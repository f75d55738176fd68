"""What all of MIRACL costs, from measured rates: the table of docs/scale.md.

    python benchmarks/projection.py --encode 118M:70 --read 150000 --count 90

Every rate is an argument, so that a user puts in his own.
"""

import argparse

from xlir_bench.cards.load import task_cards

DIM = 384


def main() -> None:
    """Print hours for each part, and for machines that share the encoding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encode", nargs="+", default=["118M:70"], help="model:passages a second")
    parser.add_argument("--read", type=float, default=150_000, help="passages a second and reader")
    parser.add_argument("--count", type=float, default=90, help="GFLOP/s of one machine's counting")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 128])
    asked = parser.parse_args()
    card = task_cards()["MIRACL"]
    passages = sum(card.counts.passages.values())
    queries = sum(card.counts.queries.values()) + 50 * (len(card.languages) - 1)
    flops = 2.0 * queries * passages * DIM
    print(f"{passages:,} passages, {queries:,} queries, {flops:.2e} operations to count")
    print(f"two readings: {2 * passages / asked.read / 3600:.1f} hours of one reader")
    print(f"counting: {flops / asked.count / 1e9 / 3600:.1f} hours of one machine")
    print(
        "| encoder | workers | encode, hours | read, hours | count, hours |\n|---|---|---|---|---|"
    )
    for spec in asked.encode:
        name, rate = spec.split(":")
        for n in asked.workers:
            hours = [
                passages / float(rate) / n / 3600,
                2 * passages / asked.read / n / 3600,
                flops / asked.count / 1e9 / n / 3600,
            ]
            print(f"| {name} | {n} |", " | ".join(f"{h:,.1f}" for h in hours), "|")


if __name__ == "__main__":
    main()
