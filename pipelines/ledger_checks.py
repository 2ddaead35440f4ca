"""What the blocks of a ledger say, and what is wrong with them, by arithmetic alone: numbers in, places out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from headrace.compiler.tables import BLOCK
from headrace.connectors.prefix import TopicPartition
from headrace.pipelines.ledger_facts import Block
from headrace.runtime.cutover import Cutover

HISTORY, LIVE = "history", "live"
#: A check names at most this many places; where more are wrong, the first ones tell the story.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One statement that must hold: what was expected, what was found, and where they differ."""

    name: str
    holds: bool
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class PartitionLine:
    """What was read of one partition: rows of each leg, and the first and last offset."""

    topic: str
    partition: int
    history: int
    live: int
    first_offset: int
    last_offset: int

    @property
    def of(self) -> TopicPartition:
        """Which partition it is."""
        return TopicPartition(self.topic, self.partition)


def lines_of(blocks: Sequence[Block]) -> tuple[PartitionLine, ...]:
    """What was read, by topic and partition."""
    lines = []
    for of in sorted({block.of for block in blocks}):
        own = [block for block in blocks if block.of == of]
        read = {leg: sum(block.n for block in own if block.leg == leg) for leg in (HISTORY, LIVE)}
        first, last = min(block.min_offset for block in own), max(block.max_offset for block in own)
        lines.append(PartitionLine(*of, read[HISTORY], read[LIVE], first, last))
    return tuple(lines)


def duplicates(blocks: Sequence[Block]) -> list[str]:
    """Blocks with more rows than offsets between their first and last, and blocks that overlap, such as two legs'."""
    excess = [(block, block.n - (block.max_offset - block.min_offset + 1)) for block in blocks]
    inside = [f"{place(block)}: {more} rows too many" for block, more in excess if more > 0]
    between = [f"{place(right)}: begins before {place(left)} ends" for left, right in neighbours(blocks, overlap=True)]
    return inside + between


def gaps(blocks: Sequence[Block]) -> list[str]:
    """Blocks with fewer rows than offsets, and offsets between neighbouring blocks of a partition.

    >>> one = Block("live", "t", 0, 0, 2, 0, 1, 1, 1, 2, 0, 0, 0, 0, 2)
    >>> gaps([one, Block("live", "t", 0, 0, 1, 3, 3, 3, 9, 1, 0, 0, 0, 0, 1)])
    ["topic 't', partition 0: offsets 2 to 2"]
    """
    inside = [
        f"{place(block)}: {block.max_offset - block.min_offset + 1 - block.n} rows missing"
        for block in blocks
        if block.n < block.max_offset - block.min_offset + 1
    ]
    between = [
        f"{left.of}: offsets {left.max_offset + 1} to {right.min_offset - 1}"
        for left, right in neighbours(blocks, overlap=False)
    ]
    return inside + between


def neighbours(blocks: Sequence[Block], *, overlap: bool) -> list[tuple[Block, Block]]:
    """Blocks of a partition that follow each other, where they overlap, or where something is missing between them."""
    placed = pairwise(sorted(blocks, key=lambda block: (block.of, block.min_offset)))
    return [
        (left, right)
        for left, right in placed
        if left.of == right.of
        and (right.min_offset <= left.max_offset if overlap else right.min_offset > left.max_offset + 1)
    ]


def hidden(blocks: Sequence[Block]) -> list[str]:
    """Blocks with as many rows as offsets, but other sums: one offset twice and another not at all."""
    return [
        f"{place(block)}: sum {block.sum_offset}, squares {block.sum_sq}; expected {sums[0]} and {sums[1]}"
        for block in blocks
        for sums in [contiguous_sums(block.min_offset, block.max_offset)]
        if block.n == block.max_offset - block.min_offset + 1 and (block.sum_offset, block.sum_sq) != sums
    ]


def offset_checks(cutover: Cutover, blocks: Sequence[Block]) -> Iterator[Check]:
    """What the offsets that were read must satisfy by themselves and with the boundary: each once, none left out."""
    yield none_of("no duplicates", duplicates(blocks))
    yield none_of("no gaps", gaps(blocks))
    yield none_of("no duplicate hides a gap", hidden(blocks))
    yield none_of("history complete", unlike_history(cutover, blocks))
    yield none_of("boundary", off_boundary(cutover, blocks))


def archived_less(blocks: Sequence[Block], archived: Mapping[TopicPartition, int]) -> list[str]:
    """Partitions of which an archive does not reach what was read yet; `archived`: the last offset that it has."""
    ends = [(line.of, archived.get(line.of, -1), line.last_offset) for line in lines_of(blocks)]
    return [f"{of}: archived to offset {last}, read to offset {read}" for of, last, read in ends if last < read]


def contiguous_sums(first: int, last: int) -> tuple[int, int]:
    """The sum of all offsets from first to last, and the sum of the squares of their places in the block.

    >>> contiguous_sums(65536, 65538)
    (196611, 5)
    """
    low, high = first % BLOCK, last - first // BLOCK * BLOCK
    return (first + last) * (last - first + 1) // 2, _squares(high) - _squares(low - 1)


def _squares(upto: int) -> int:
    """1² + 2² + … + upto²."""
    return upto * (upto + 1) * (2 * upto + 1) // 6


def unlike_history(cutover: Cutover, blocks: Sequence[Block]) -> list[str]:
    """Partitions of which the history leg did not read as many rows as the pinned snapshot has."""
    found = {line.of: line.history for line in lines_of(blocks)}
    return [
        f"{cut.of}: {found.get(cut.of, 0)} of {cut.archived} rows"
        for part in cutover.parts
        for cut in part.partitions
        if found.get(cut.of, 0) != cut.archived
    ]


def off_boundary(cutover: Cutover, blocks: Sequence[Block]) -> list[str]:
    """Partitions in which history does not end, or live does not begin, exactly at the start offset.

    That of a partition which was added after planning is 0.
    """
    wrong = []
    for of in sorted({*cutover.starts, *(block.of for block in blocks)}):
        start = cutover.starts.get(of, 0)
        own = [block for block in blocks if block.of == of]
        last = max((block.max_offset for block in own if block.leg == HISTORY), default=start - 1)
        first = min((block.min_offset for block in own if block.leg == LIVE), default=start)
        if (last + 1, first) != (start, start):
            wrong.append(f"{of}: start offset {start}, history ends at {last}, live begins at {first}")
    return wrong


def equal(name: str, expected: int, found: int) -> Check:
    """A check that two numbers are equal.

    >>> equal("verdicts add up", 2, 3).holds
    False
    """
    return Check(name, expected == found, f"{expected:,}", f"{found:,}")


def none_of(name: str, places: Sequence[str]) -> Check:
    """A check that nothing is wrong anywhere; `found` names the first places."""
    more = f"; and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return Check(name, not places, "none", "; ".join(places[:SHOWN]) + more if places else "none")


def by_part(sums: Mapping[TopicPartition, int], wrong: Sequence[TopicPartition]) -> str:
    """A sum, and its parts in the partitions where something is wrong."""
    parts = "; ".join(f"{part}: {sums.get(part, 0):,}" for part in wrong[:SHOWN])
    return f"{sum(sums.values()):,}" + (f" ({parts})" if parts else "")


def partition_text(line: PartitionLine) -> str:
    """A partition as a line to read."""
    offsets = f"offsets {line.first_offset:,} to {line.last_offset:,}"
    return f"  {line.of}: history {line.history:,} + live {line.live:,}, {offsets}"


def check_texts(checks: Sequence[Check]) -> Iterator[str]:
    """Checks as lines to read, and how many hold."""
    for check in checks:
        found = "" if check.holds else f": expected {check.expected}, found {check.found}"
        yield f"  {'holds' if check.holds else 'FAILS'}  {check.name}{found}"
    failed = sum(not check.holds for check in checks)
    yield f"{failed} of {len(checks)} checks fail" if failed else "every check holds"


def place(block: Block) -> str:
    """Where a block is."""
    return f"{block.leg}, {block.of}, offsets {block.min_offset} to {block.max_offset}"
