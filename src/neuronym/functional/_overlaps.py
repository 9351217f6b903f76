"""The CPU kernel that counts the cells which packed masks of units share with packed masks of concepts.

Most of it is skipped, exactly: a unit that is active nowhere in an image is read once and no more, and of the others
only the words with an active cell are looked at. For these, eight concepts are counted at once: the concepts' masks of
an image are turned so that one word of neighbouring concepts lies side by side, and each of a unit's words is spread
over a vector. The counts of one unit and up to 64 concepts stay in registers over all its words, and the turned masks
of these concepts stay in the first-level cache while many units pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from neuronym.functional import _numba

_LANES = 8  # counts computed at once; machines with narrower vectors take several
_CACHED = 64 * 64  # words of turned masks that stay in a first-level cache, 32 KiB
_GROUP = 16  # units that pass by the turned masks together
_LINE = 64  # bytes that the turned masks begin at a multiple of: a vector across two lines takes twice as long to load
_WORTH_THREADS = 1 << 15  # words of units below which starting other threads costs more than it saves

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, _LANES)


def _tile(vectors: int) -> Any:
    """A function for kernels: how many cells a unit's words share with each of ``vectors`` x 8 masks.

    Its arguments are ``values`` and ``places``, ``table`` and ``out``, and a tuple of five: the row of the first two
    that holds the unit's words and their places, and how many; where the masks' first words begin in the table, and how
    far their next ones are from there; and where in ``out`` the counts are written.
    """

    def typed(typing: Any, values: Any, places: Any, table: Any, out: Any, where: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kinds = signature.args
            arrays = [context.make_array(kinds[i])(context, builder, arguments[i]) for i in range(4)]

            def pointer(argument: int, *index: Any) -> Any:
                return cgutils.get_item_pointer(context, builder, kinds[argument], arrays[argument], list(index))

            def vector(argument: int, index: Any) -> list[Any]:
                first = builder.bitcast(pointer(argument, index), _VECTOR.as_pointer())
                return [builder.gep(first, [ir.IntType(32)(k)]) for k in range(vectors)]

            row, count, start, width, at = cgutils.unpack_tuple(builder, arguments[4], 5)
            sums = [cgutils.alloca_once_value(builder, ir.Constant(_VECTOR, None)) for _ in range(vectors)]
            with cgutils.for_range(builder, count) as loop:
                word = _spread(builder, builder.load(pointer(0, row, loop.index)))
                place = builder.mul(builder.load(pointer(1, row, loop.index)), width)
                for total, mask in zip(sums, vector(2, builder.add(start, place)), strict=True):
                    shared = _population(builder, builder.and_(builder.load(mask, align=8), word))
                    builder.store(builder.add(builder.load(total), shared), total)
            for total, found in zip(sums, vector(3, at), strict=True):
                builder.store(builder.load(total), found, align=8)
            return context.get_dummy_value()

        return types.void(values, places, table, out, where), generate

    return intrinsic(typed)


def _spread(builder: Any, word: Any) -> Any:
    """One word in every lane."""
    empty, number = ir.Constant(_VECTOR, ir.Undefined), ir.IntType(32)
    first = builder.insert_element(empty, word, number(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(number, _LANES), [0] * _LANES))


def _population(builder: Any, vector: Any) -> Any:
    """How many bits are set in each lane: one instruction where the processor has it, a few elsewhere."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.ctpop.v{_LANES}i64"), [vector])


_tile_8, _tile_4, _tile_2, _tile_1 = _tile(8), _tile(4), _tile(2), _tile(1)


@intrinsic  # type: ignore[untyped-decorator]
def _bits_set(typing: Any, word: Any) -> Any:
    """How many bits of a word are set; loops over it become vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


@_numba.kernel
def _turn(rows: Any, valid: Any, table: Any, at: int, columns: int) -> int:
    """Write masks [masks, words], cut to ``valid``, from ``at`` on in blocks of ``columns`` masks; where they end.

    A block is [words, width]; the width of the last one is the next multiple of a vector's.
    """
    for first in range(0, len(rows), columns):
        held = min(columns, len(rows) - first)
        width = (held + _LANES - 1) // _LANES * _LANES
        for w in range(rows.shape[1]):
            for j in range(held):
                table[at + w * width + j] = rows[first + j, w] & valid[w]
            for j in range(held, width):
                table[at + w * width + j] = 0
        at += rows.shape[1] * width
    return at


@_numba.inlined
def _cells(mask: Any, valid: Any) -> Any:
    """How many cells of a mask count."""
    cells = np.int64(0)
    for w in range(len(mask)):
        cells += np.int64(_bits_set(mask[w] & valid[w]))
    return cells


@_numba.kernel
def _pick(units: Any, valid: Any, first: int, stop: int, picked: Any, values: Any, places: Any) -> Any:
    """The next units with an active cell among ``first .. stop``: where to go on, and how many there are.

    ``picked`` [group, 3] takes each unit, its active cells and how many of its words have any; ``values`` and
    ``places`` [group, words] these words and their places.
    """
    found, u = 0, first
    while u < stop and found < len(picked):
        cells = _cells(units[u], valid)
        if cells:
            count = np.uint64(0)
            for w in range(units.shape[1]):
                word = units[u, w] & valid[w]
                values[found, count], places[found, count] = word, w
                count += np.uint64(word != 0)
            picked[found, 0], picked[found, 1], picked[found, 2] = u, cells, count
            found += 1
        u += 1
    return u, found


@_numba.kernel
def _share(values: Any, places: Any, row: int, count: int, table: Any, at: int, width: int, out: Any) -> None:
    """Write how many cells one unit's words share with each of the ``width`` masks of a block.

    The unit's words are not passed as slices, whose references to the arrays would be counted on every call.
    """
    done = 0
    while width - done >= 64:
        _tile_8(values, places, table, out, (row, count, at + done, width, done))
        done += 64
    if width - done >= 32:
        _tile_4(values, places, table, out, (row, count, at + done, width, done))
        done += 32
    if width - done >= 16:
        _tile_2(values, places, table, out, (row, count, at + done, width, done))
        done += 16
    if width - done >= 8:
        _tile_1(values, places, table, out, (row, count, at + done, width, done))


@_numba.kernel
def _add(numbers: Any, shared: Any, total: Any) -> None:
    """Add the counts of some concepts, whose numbers rise, to those of one unit."""
    held = len(numbers)
    if numbers[held - 1] - numbers[0] == held - 1:
        row = total[numbers[0] : numbers[0] + held]
        for j in range(held):
            row[j] += shared[j]
    else:
        for j in range(held):
            total[np.uint64(numbers[j])] += shared[j]


@_numba.kernel
def _present(concepts: Any, words: Any, categories: Any, unions: Any, numbers: Any) -> int:
    """The categories of an image's concepts: their ``numbers``, and where any of their concepts is; how many."""
    found = 0
    for k in range(len(concepts)):
        category = categories[concepts[k]]
        place = 0
        while place < found and numbers[place] != category:
            place += 1
        if place == found:
            numbers[found] = category
            for w in range(words.shape[1]):
                unions[found, w] = 0
            found += 1
        for w in range(words.shape[1]):
            unions[place, w] |= words[k, w]
    return found


@_numba.kernel
def _count(
    units: Any, masks: Any, categories: Any, table: Any, columns: int, state: Any, start: int, stop: int
) -> None:
    """Add the units ``start .. stop`` of all images to the state's arrays; see :func:`count`."""
    starts, concepts, words, valid = masks
    intersections, unit_cells, concept_cells, touched = state
    size = units.shape[2]
    values, places = np.empty((_GROUP, size), np.uint64), np.empty((_GROUP, size), np.int64)
    picked, shared = np.empty((_GROUP, 3), np.int64), np.empty(max(columns, _LANES), np.int64)
    unions, numbers = np.empty((touched.shape[1], size), np.uint64), np.empty(touched.shape[1], np.int64)
    for i in range(len(units)):
        numbers_here, words_here = concepts[starts[i] : starts[i + 1]], words[starts[i] : starts[i + 1]]
        end = _turn(words_here, valid[i], table, 0, columns)
        kinds = _present(numbers_here, words_here, categories, unions, numbers) if touched.shape[1] else 0
        _turn(unions[:kinds], valid[i], table, end, columns)
        if start == 0:
            for k in range(len(numbers_here)):
                concept_cells[numbers_here[k]] += _cells(words_here[k], valid[i])
        unit = start
        while unit < stop:
            unit, found = _pick(units[i], valid[i], unit, stop, picked, values, places)
            for k in range(found):
                unit_cells[picked[k, 0]] += picked[k, 1]
            at = 0
            for first in range(0, len(numbers_here), columns):
                here = numbers_here[first : first + columns]
                width = (len(here) + _LANES - 1) // _LANES * _LANES
                for k in range(found):
                    _share(values, places, k, picked[k, 2], table, at, width, shared)
                    _add(here, shared, intersections[picked[k, 0]])
                at += size * width
            for first in range(0, kinds, columns):
                held = min(columns, kinds - first)
                width = (held + _LANES - 1) // _LANES * _LANES
                for k in range(found):
                    _share(values, places, k, picked[k, 2], table, at, width, shared)
                    for j in range(held):
                        touched[picked[k, 0], numbers[first + j]] += picked[k, 1] if shared[j] else 0
                at += size * width


def count(
    units: Words, masks: tuple[Ints, Ints, Words, Words], categories: Ints, state: tuple[Ints, Ints, Ints, Ints]
) -> None:
    """Count the masks of some images into the arrays of a state.

    Args:
        units: [images, units, words].
        masks: the arrays of a :class:`~neuronym.records.ConceptMasks`, in its order.
        categories: of each concept; not read where the state has none.
        state: intersections [units, concepts], cells [units], cells [concepts] and touched cells [units, categories].
    """
    number, size = units.shape[1:]
    most = int(np.diff(masks[0]).max(initial=0))
    # Fewer masks side by side where they are long, in whole vectors.
    columns = max(_LANES, min(64, _CACHED // max(size, 1) // _LANES * _LANES))
    room = size * sum(-(-held // _LANES) * _LANES for held in (most, min(most, state[3].shape[1])))

    def part(start: int, stop: int) -> None:
        # Each thread turns the masks for itself, so that none waits for another.
        raw = np.empty(room + _LINE // 8, np.uint64)
        table = raw[-raw.ctypes.data % _LINE // 8 :]
        _count(units, masks, categories, table, columns, state, start, stop)

    threads = torch.get_num_threads() if units.size > _WORTH_THREADS else 1
    pieces = _numba.ranges(number, max(1, -(-number // threads)))
    _numba.run(part, pieces or [(0, 0)])  # concepts have cells where there are no units, too
