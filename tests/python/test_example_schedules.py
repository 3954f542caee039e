"""The schedules of examples/schedules equal NumPy, replay on other sizes, and are what they say they are."""

from __future__ import annotations

import importlib
import pathlib
import re
import sys

import numpy as np
import pytest
import tilewright as tw

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "schedules"
sys.path.insert(0, str(FOLDER))

MODULES = {path.stem: importlib.import_module(path.stem) for path in sorted(FOLDER.glob("*.py"))}
EXAMPLES = {name: module.EXAMPLE for name, module in MODULES.items() if hasattr(module, "EXAMPLE")}
SIZES = [
    pytest.param(example, sizes, id=f"{name}-{'x'.join(map(str, sizes.values()))}")
    for name, example in EXAMPLES.items()
    for sizes in example.sizes
]
EACH = pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))


def made(name: str, number: int = 0) -> tw.Schedule:
    """The schedule of an example for one of its sizes."""
    example = EXAMPLES[name]
    return example.schedule(example.tensors(**example.sizes[number]))


def lines_around(s: tw.Schedule, block: str) -> list[str]:
    """The lines of the program that a block stands in, outermost first, itself included."""
    lines = str(s).splitlines()
    (place,) = (i for i, line in enumerate(lines) if re.match(rf"\s*block {re.escape(block)}#", line))
    around = [lines[place].strip()]
    indentation = len(lines[place]) - len(lines[place].lstrip())
    for line in reversed(lines[1:place]):
        depth = len(line) - len(line.lstrip())
        if depth < indentation:
            around.insert(0, line.strip())
            indentation = depth
    return around


def extents(s: tw.Schedule, block: str) -> list[str]:
    """What the loops around a block run over, outermost first: "nc // 32", "unrolled(14)"."""
    headers = [re.match(r"(?:ordered )?for \S+ in (.*):$", line) for line in lines_around(s, block)]
    return [header[1].split(" {")[0] for header in headers if header]


def condition(s: tw.Schedule, block: str) -> str:
    """Under which condition a block runs; empty: always."""
    line = lines_around(s, block)[-1]
    return line.split(" where ")[1].rstrip(":") if " where " in line else ""


def sizes_of(s: tw.Schedule, buffer: str, capsys) -> str:
    """What show() says of an allocation: "global, 1920 bytes; at a time 384 bytes"."""
    s.show()
    (line,) = re.findall(rf"allocate {re.escape(buffer)}: .*# (.*)", capsys.readouterr().out)
    return line


# What holds for every example


def test_every_file_is_an_example():
    assert set(MODULES) - set(EXAMPLES) == {"worked_example"}


@EACH
def test_there_are_enough_sizes(example):
    """At least five, among them primes and some that are small."""
    values = {value for sizes in example.sizes for value in sizes.values()}
    assert len(example.sizes) >= 5
    assert values & {7, 11, 13, 17, 19, 23, 29, 31, 37, 41}
    assert values & {1, 2, 3}


@pytest.mark.parametrize(("example", "sizes"), SIZES)
def test_it_equals_numpy(example, sizes, rng):
    schedule = example.schedule(example.tensors(**sizes))
    assert len(list(example.check(schedule, sizes, rng))) == len(example.params)


# The least values of sizes that cannot be 1.
LEAST = {
    "conv2d_nchwc": {"h": 3, "w": 3},
    "inverted_residual": {"h": 3, "w": 3},
    "winograd": {"h": 3, "w": 7},
}


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name, example in EXAMPLES.items() for size in example.sizes[0]]
)
def test_a_size_may_be_the_least_while_others_are_not(name, size, rng):
    """No step depends on whether a loop has one turn: the trace of the first sizes holds."""
    example = EXAMPLES[name]
    sizes = {**example.sizes[1], size: LEAST.get(name, {}).get(size, 1)}
    tensors = example.tensors(**sizes)
    schedule = tw.Schedule.replay(tensors, example.schedule(example.tensors(**example.sizes[0])).trace)
    assert schedule.program == example.schedule(tensors).program
    assert len(list(example.check(schedule, sizes, rng))) == len(example.params)


@EACH
def test_one_program_serves_all_sizes(example, rng):
    if not example.symbolic:
        pytest.skip("its sizes are constants")
    for schedule, sizes in example.open_schedules():
        assert list(example.check(schedule, sizes, rng))


@EACH
def test_its_trace_is_the_schedule(example):
    tensors = example.tensors(**example.sizes[0])
    schedule = example.schedule(tensors)
    trace = tw.Trace.from_json(schedule.trace.to_json())
    assert tw.Schedule.replay(tensors, trace).program == schedule.program
    assert tw.Program.parse(str(schedule.program)) == schedule.program


@pytest.mark.parametrize(("example", "sizes"), SIZES)
def test_its_trace_replays_on_other_sizes(example, sizes):
    """The trace of the first sizes gives what the schedule function gives for the others."""
    trace = example.schedule(example.tensors(**example.sizes[0])).trace
    tensors = example.tensors(**sizes)
    assert tw.Schedule.replay(tensors, trace).program == example.schedule(tensors).program


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_main_prints_the_program_and_what_was_checked(name, capsys):
    MODULES[name].main()
    printed = capsys.readouterr().out
    assert "program main(" in printed
    assert len(re.findall(r"^.* equal to NumPy \(\d+ steps", printed, re.M)) == len(EXAMPLES[name].sizes)
    assert ("one program for any" in printed) == bool(EXAMPLES[name].symbolic)


@EACH
def test_a_wrong_result_is_found(example, rng):
    """The check is able to fail."""
    wrong = type(example)(**{**vars(example), "reference": lambda *inputs: example.reference(*inputs) + 1})
    with pytest.raises(AssertionError, match="sizes"):
        list(wrong.check(wrong.schedule(wrong.tensors(**wrong.sizes[0])), wrong.sizes[0], rng))


# What each of them is


def test_sgemm_has_the_loops_of_blis():
    s = MODULES["sgemm"].schedule(EXAMPLES["sgemm"].open_tensors({}))
    assert extents(s, "C_rf") == [
        "(n + nc - 1) // nc",
        "(k + kc - 1) // kc",
        "parallel((m + mc - 1) // mc)",
        "nc // 32",
        "mc // 14",
        "kc",
        "unrolled(14)",
        "unrolled(2)",
        "vectorized(16)",
    ]


def test_sgemm_packs_panels_as_wide_as_the_register_tile():
    s = MODULES["sgemm"].schedule(EXAMPLES["sgemm"].open_tensors({}))
    assert extents(s, "B_global")[2:] == ["parallel(nc // 32)", "kc", "unrolled(2)", "vectorized(16)"]
    assert extents(s, "A_global")[3:] == ["mc // 14", "kc", "unrolled(14)"]
    text = str(s)
    assert "allocate B_global: float32[(n + 31) // 32, k, 32]" in text
    assert "allocate A_global: float32[(m + 13) // 14, k, 14]" in text


def test_parametric_blocks_of_sgemm_need_no_condition_where_they_are_full():
    s = MODULES["sgemm"].schedule(EXAMPLES["sgemm"].open_tensors({}), cut=True)
    for block in ("C", "C_rf", "C_rf_init"):
        assert condition(s, block) == ""
    for block in ("C_1", "C_2"):
        assert condition(s, block)


def test_blocks_that_divide_need_no_condition():
    """Constant and parametric blocks: only the edge of the matrix does, not that of a block."""
    sgemm = MODULES["sgemm"]
    s = sgemm.schedule(sgemm.matmul(280, 1024, 512), mc=140, nc=512, kc=256)
    assert condition(s, "C") == condition(s, "C_rf") == condition(s, "B_global") == ""
    s = sgemm.schedule(EXAMPLES["sgemm"].open_tensors({}))
    assert "< nc" not in condition(s, "C")
    assert "< mc" not in condition(s, "C")


@pytest.mark.parametrize("sizes", EXAMPLES["sgemm"].sizes[:3], ids=lambda s: "x".join(map(str, s.values())))
@pytest.mark.parametrize("block", [dict(mc=28, nc=32, kc=8), dict(mc=70, nc=96, kc=31)], ids=str)
def test_specialised_sgemm_equals_the_parametric_one(sizes, block, rng):
    example = EXAMPLES["sgemm"]
    parametric = example.schedule(example.tensors(**sizes))
    baked = example.schedule(example.tensors(**sizes))
    baked.specialise(**block)
    inputs = example.inputs(sizes, rng)
    expected = parametric.program.interpret(*inputs, **block)
    np.testing.assert_array_equal(baked.program.interpret(*inputs), expected)
    assert not re.search(r"\b[mnk]c\b", str(baked))
    scheduled = example.schedule(example.tensors(**sizes), **block)
    np.testing.assert_array_equal(scheduled.program.interpret(*inputs), expected)


@pytest.mark.parametrize("sizes", EXAMPLES["sgemm"].sizes[:3], ids=lambda s: "x".join(map(str, s.values())))
def test_sgemm_cut_into_full_blocks_and_the_rest_is_the_same(sizes, rng):
    example = EXAMPLES["sgemm"]
    s = MODULES["sgemm"].schedule(example.tensors(**sizes), cut=True)
    assert len(list(example.check(s, sizes, rng))) == len(example.params)


def test_panels_of_sgemm_are_as_large_as_a_block(capsys):
    sgemm = MODULES["sgemm"]
    s = sgemm.schedule(sgemm.matmul(280, 1024, 512), mc=140, nc=512, kc=256)
    assert f"at a time {256 * 512 * 4} bytes" in sizes_of(s, "B_global", capsys)
    assert f"at a time {140 * 256 * 4} bytes" in sizes_of(s, "A_global", capsys)
    assert f"at a time {14 * 32 * 4} bytes" in sizes_of(s, "C_rf", capsys)


def test_the_convolution_reads_and_writes_blocked_layouts():
    text = str(made("conv2d_nchwc"))
    assert "allocate X_global: float32[2, 8, 14, 16]" in text
    assert "allocate W_global: float32[2, 2, 3, 3, 16, 16]" in text
    assert "allocate Y_global: float32[2, 6, 12, 16]" in text
    padded = str(made("conv2d_nchwc", 2))  # 17 channels to 19
    assert "allocate X_global: float32[2, 5, 13, 16]" in padded
    assert extents(made("conv2d_nchwc"), "Y")[-3:] == ["16", "unrolled(6)", "vectorized(16)"]


def test_the_convolution_keeps_a_row_of_its_blocked_result(capsys):
    assert f"at a time {12 * 16 * 4} bytes" in sizes_of(made("conv2d_nchwc"), "Y_global", capsys)


def test_the_depthwise_convolution_makes_no_padded_copy():
    s = made("depthwise")
    assert "allocate" not in str(s)
    assert extents(s, "Y")[-5:] == [
        "unrolled(3)",
        "unrolled(3)",
        "unrolled(2)",
        "unrolled(4)",
        "vectorized(16)",
    ]


def test_the_inverted_residual_keeps_three_rows_of_the_wide_picture():
    s = made("inverted_residual")
    text = str(s)
    assert "allocate active: float32[3, 8, 16]" in text
    assert "ordered for y_1 in rows" in text
    for block in ("active", "wide"):
        assert "y_1 == 0 || 2 <= y" in condition(s, block)


def test_the_inverted_residual_has_no_intermediate_picture(capsys):
    s = made("inverted_residual")
    assert sizes_of(s, "active", capsys) == f"global, {3 * 8 * 16 * 4} bytes"
    assert sizes_of(s, "depth", capsys).endswith(f"at a time {6 * 16 * 4} bytes")
    assert sizes_of(s, "wide", capsys).endswith(f"at a time {16 * 4} bytes")


def test_softmax_keeps_one_row(capsys):
    s = made("softmax")
    assert sizes_of(s, "E", capsys).endswith(f"at a time {64 * 4} bytes")
    for buffer in ("top", "total"):
        assert sizes_of(s, buffer, capsys).endswith("at a time 4 bytes")


@pytest.mark.parametrize("name", ["softmax", "layer_norm"])
def test_normalisations_are_one_parallel_loop_over_rows(name):
    s = made(name)
    rows = {str(s.loops(block)[0]) for block in s.blocks()}
    assert len(rows) == 1
    assert extents(s, "Y") == ["parallel(4)", "4", "vectorized(16)"]


def test_stencil_tiles_overlap_by_the_halo():
    s = made("stencil")
    assert extents(s, "first")[1] == "th + 2"
    assert extents(s, "second")[1:] == ["th", "tw // 16", "vectorized(16)"]
    assert "< th" not in condition(s, "second")
    assert "< tw" not in condition(s, "second")


def test_a_stencil_tile_keeps_its_part_of_the_first_step(capsys):
    assert "at a time min(th + 2, 34) * " in sizes_of(made("stencil"), "first", capsys)


def test_split_k_runs_its_chunks_in_parallel():
    s = made("split_k")
    assert extents(s, "C_rf")[0] == "parallel(chunks)"
    assert "allocate C_rf: float32[chunks, 4, 16]" in str(s)


def test_winograd_transforms_are_straight_code_over_vectors():
    s = made("winograd")
    assert 'rewrites = "winograd(m=4)' in str(s)
    for block in ("Y_filter_rows", "Y_filter", "Y_input_rows", "Y_input"):
        assert extents(s, block)[-2:] == ["unrolled(6)", "vectorized(16)"]
    for block in ("Y_output_rows", "Y"):
        assert extents(s, block)[-2:] == ["unrolled(4)", "vectorized(16)"]


def test_winograd_keeps_a_row_of_tiles_between_its_steps():
    s = made("winograd")
    for block in ("Y_input_rows", "Y_input", "Y_product", "Y_output_rows", "Y"):
        assert extents(s, block)[0] == "parallel(2)"
    for block in ("Y_filter_rows", "Y_filter"):
        assert "parallel" not in " ".join(extents(s, block))


def test_the_gpu_product_goes_through_two_versions_of_its_slices():
    s = made("gpu_matmul")
    text = str(s)
    assert "allocate A_shared: shared float32[2, " in text
    assert "allocate B_shared: shared float32[2, " in text
    assert "allocate C_local: local float32" in text
    assert "{pipeline = 2}" in text
    for block in ("A_shared", "B_shared"):
        assert extents(s, block)[-2:] == ["bind(threadIdx.y, 8)", "bind(threadIdx.x, 8)"]
        assert "async = 1" in lines_around(s, block)[-1]
    assert extents(s, "C") == [
        "bind(blockIdx.y, 1)",
        "bind(blockIdx.x, 2)",
        "3",
        "bind(threadIdx.y, 8)",
        "bind(threadIdx.x, 8)",
        "8",
        "unrolled(4)",
        "unrolled(4)",
    ]
