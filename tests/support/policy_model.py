"""Makes a small random trace of page references, and says what bench/policy.c must count when it replays it.

policy_model.py SEED FILE.qpt    writes the trace, and prints the lines that "policy FILE.qpt step=1 ARGUMENTS" is to print; the
                                 first line is ARGUMENTS

FIFO, CLOCK with lazy clear and MIN are simulated here page by page and entry by entry, without any of the library's code.
"""
import random
import struct
import sys

READ, WRITE, EXECUTE, MARK = range(4)
EXECUTED, WRITTEN, SHARED = 1, 2, 4
UNBOUNDED = "clock,chances=4294967295"


def make(rng):
    contexts = rng.choice((1, 1, 2, 3))
    pages = rng.randint(8, 40)
    use = [rng.choice((0, EXECUTED, WRITTEN, WRITTEN, EXECUTED | WRITTEN)) | rng.choice((0, 0, SHARED)) for _ in range(pages)]
    trace = []
    hot = 0
    for _ in range(rng.randint(200, 3000)):
        if rng.random() < 0.02:
            trace.append((MARK, rng.randint(0, 0x3FFFFF), rng.randint(0, 255)))
            continue
        if rng.random() < 0.05:
            hot = rng.randrange(pages)
        page = (hot + rng.randrange(5)) % pages if rng.random() < 0.7 else rng.randrange(pages)
        kinds = [READ] + [WRITE] * bool(use[page] & WRITTEN) + [EXECUTE] * bool(use[page] & EXECUTED)
        trace.append((rng.choice(kinds), page, rng.randrange(contexts)))
    return contexts, use, trace


def write(path, contexts, use, trace):
    with open(path, "wb") as file:
        refs = sum(kind != MARK for kind, _, _ in trace)
        shared = sum(1 for u in use if u & SHARED)
        file.write(b"QPT1 name=model ctx=%d pages=%d shared=%d records=%d refs=%d k=1 tick=100000 instr=1\n"
                   % (contexts, len(use), shared, len(trace), refs))
        file.write(bytes(use))
        for kind, page, context in trace:
            file.write(struct.pack("<I", kind | page << 2 | context << 24))


def references(use, trace):
    """(kind, context, content), the content being a page that all contexts share or one context's own."""
    return [(kind, context, (page, None if use[page] & SHARED else context)) for kind, page, context in trace if kind != MARK]


def replay(use, refs, flags, frames, clock):
    order = []  # the page that the hand, or the queue, reaches first is at [0]
    dirty, used = set(), set()
    entries = {}  # content -> {context: writable}
    newest = None
    majors = minors = saves = 0

    def age(content):
        was = content in used
        used.discard(content)
        if flags == "none":
            entries[content] = {}
        return was

    def victim():
        nonlocal newest
        if clock:
            if newest is not None:
                age(newest)
                newest = None
            for _ in range(len(order)):
                content = order.pop(0)
                order.append(content)
                if not age(content):
                    order.pop()
                    return content
        return order.pop(0)

    for kind, context, content in refs:
        writable = bool(use[content[0]] & WRITTEN)
        entry = entries.get(content, {}).get(context)
        if entry is not None and (kind != WRITE or entry):
            if flags == "ad":
                used.add(content)
                if kind == WRITE:
                    dirty.add(content)
            continue
        if content in entries:
            minors += 1
        else:
            majors += 1
            if len(order) == frames:
                gone = victim()
                newest = None if newest == gone else newest
                saves += gone in dirty
                dirty.discard(gone)
                used.discard(gone)
                del entries[gone]
            order.append(content)
            entries[content] = {}
            newest = content
        if kind == WRITE:
            dirty.add(content)
        entries[content][context] = writable and (flags == "ad" or content in dirty)
        used.add(content)
    return majors, minors, saves


def optimum(refs, frames):
    never = len(refs)
    resident, dirty = {}, set()  # content -> when it was used last
    majors = saves = 0
    uses = {}
    for i, (_, _, content) in enumerate(refs):
        uses.setdefault(content, []).append(i)
    for i, (kind, _, content) in enumerate(refs):
        if content not in resident:
            majors += 1
            if len(resident) == frames:
                gone = max(resident, key=lambda c: (next((u for u in uses[c] if u > i), never), resident[c]))
                saves += gone in dirty
                dirty.discard(gone)
                del resident[gone]
        resident[content] = i
        if kind == WRITE:
            dirty.add(content)
    return majors, saves


def main():
    seed, path = int(sys.argv[1]), sys.argv[2]
    rng = random.Random(seed)
    contexts, use, trace = make(rng)
    write(path, contexts, use, trace)
    refs = references(use, trace)
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    arguments, lines = [], []
    for frames in sorted({2, 3, max(2, len(use) // 4), max(2, len(use) // 2), len(use)}):
        majors, saves = optimum(refs, frames)
        arguments.append(f"min - {frames}")
        lines.append(f"{name} min - {frames} {frames} {majors} 0 {saves}")
        for policy in ("fifo", UNBOUNDED):
            for flags in ("ad", "none"):
                counts = replay(use, refs, flags, frames, policy != "fifo")
                arguments.append(f"{policy} {flags} {frames}")
                lines.append(f"{name} {policy} {flags} {frames} {frames} {counts[0]} {counts[1]} {counts[2]}")
    print(*arguments)
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
