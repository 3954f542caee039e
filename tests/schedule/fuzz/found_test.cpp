// Every sequence of steps that the fuzzer found to go wrong: a case of the corpus and the trace, as short as
// the fuzzer made it. Each step is either refused or gives a program that computes the same.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "schedule/corpus/sequences.h"

namespace tw::schedule {
namespace {

struct Found {
  const char* name;  // what went wrong
  const char* sample;
  const char* steps;  // of the trace
};

void PrintTo(const Found& found, std::ostream* stream) {
  *stream << found.name;
}

const Found kFound[] = {
    {"cache_read_of_what_a_later_turn_writes", "forward_substitution",
     R"t(["cache_read",[{"ref":"b0"},1,"local"]])t"},
    {"cache_write_of_a_part_of_a_domain", "quantize",
     R"t(["loop_partition",[{"ref":"b0.0"},[3,null]]],["cache_write",[{"ref":"s0.b0"},"global",null]])t"},
    {"cache_write_of_a_part_of_a_tuple_reduction", "top_one",
     R"t(["loop_partition",[{"ref":"b0.0"},[8,null]]],["cache_write",[{"ref":"b0"},"local",1]])t"},
    {"cache_write_of_partial_results_that_are_cut", "matmul_nt",
     R"t(["tile",[[{"ref":"b0.1"},{"ref":"b0.2"}],[1,16]]],["rfactor",[{"ref":"s0.0.3"},1]],)t"
     R"t(["cache_write",[{"ref":"s1.0"},"global",null]])t"},
    {"rfactor_of_a_part_of_a_domain", "batched_matmul",
     R"t(["loop_partition",[{"ref":"b0.1"},[{"param":{"default":0,"max":1048576,"min":3,"multiple_of":3,"name":"w"}},null]]],)t"
     R"t(["rfactor",[{"ref":"b0.3"},1]])t"},
    {"reorder_of_block_indices_into_thread_indices", "concatenate_three",
     R"t(["split",[{"ref":"b1.0"},[null,16]]],["bind",[{"ref":"s0.0.1"},"threadIdx.y"]],)t"
     R"t(["bind",[{"ref":"s0.0.0"},"blockIdx.y"]],["reorder",[[{"ref":"s0.0.1"},{"ref":"s0.0.0"}]]])t"},
    {"compute_inline_into_a_reducer_of_ones_own", "top_one",
     R"t(["cache_read",[{"ref":"b0"},0,"global"]],["compute_inline",[{"ref":"s0.0"}]])t"},
    {"specialise_a_reducer_of_ones_own", "top_one",
     R"t(["split",[{"ref":"b1.0"},[null,{"param":{"default":3,"max":1073741824,"min":1,"multiple_of":1,"name":"t"}}]]],)t"
     R"t(["specialise",[[["t",7]]]])t"},
    {"compute_inline_of_axes_that_are_no_subscript", "space_to_depth",
     R"t(["cache_write",[{"ref":"b0"},"shared",null]],["compute_inline",[{"ref":"b0"}]])t"},
    {"compute_at_of_a_tuple_whose_second_output_is_read", "top_one",
     R"t(["compute_at",[{"ref":"b0"},{"ref":"b1.0"}]])t"},
    {"compute_at_of_one_of_several_writers", "scatter_max",
     R"t(["tile",[[{"ref":"b0.0"}],[{"param":{"default":0,"max":1048576,"min":3,"multiple_of":3,"name":"w"}}]]],)t"
     R"t(["specialise",[[["w",6]]]],["loop_partition",[{"ref":"s0.0.1"},[4,null,5]]],)t"
     R"t(["loop_partition",[{"ref":"s2.0.1"},[7,null,1]]],["compute_at",[{"ref":"s3.b0"},{"ref":"b1.0"}]])t"},
    {"compute_at_of_a_part_of_a_domain", "symbolic_chain",
     R"t(["loop_partition",[{"ref":"b0.1"},[2,null]]],["compute_at",[{"ref":"s0.b0"},{"ref":"b1.1"}]])t"},
    {"bind_of_threads_around_shared_memory", "gather",
     R"t(["cache_read",[{"ref":"b0"},1,"shared"]],["compute_at",[{"ref":"s0.0"},{"ref":"b0.1"}]],)t"
     R"t(["tile",[[{"ref":"b0.0"},{"ref":"b0.1"}],[16,4]]],["bind",[{"ref":"s2.0.2"},"threadIdx.x"]])t"},
    {"transform_layout_of_a_buffer_inside_a_block", "conv2d",
     R"t(["compute_at",[{"ref":"b0"},{"ref":"b1.3"}]],["blockize",[{"ref":"b1.3"}]],)t"
     R"t(["transform_layout",[{"ref":"m3"},{"map":"(x0, x1, x2, x3) -> (x1 // 3, x1 % 3, x2, x3 // 2, x3 % 2, x0)"},0]])t"},
    {"transform_layout_of_padding_inside_a_block", "gelu",
     R"t(["cache_write",[{"ref":"b0"},"global",null]],["reverse_compute_at",[{"ref":"s0.0"},{"ref":"b0.0"}]],)t"
     R"t(["tile",[[{"ref":"b0.0"}],[5]]],["tile",[[{"ref":"s2.0.0"},{"ref":"s2.0.1"}],[4,4]]],)t"
     R"t(["blockize",[{"ref":"s3.0.0"}]],["transform_layout",[{"ref":"s0.m0"},{"map":"(x0) -> (x0 % 2, x0 // 2)"},0]])t"},
    {"compute_inline_of_what_a_block_prefetches", "histogram",
     R"t(["prefetch",[{"ref":"b1"},0,{"ref":"b1.0"},2]],["blockize",[{"ref":"b1.0"}]],["compute_inline",[{"ref":"b0"}]])t"},
    {"reverse_compute_at_of_what_is_prefetched", "conv1d",
     R"t(["prefetch",[{"ref":"b1"},0,{"ref":"b1.3"},32]],["reverse_compute_at",[{"ref":"b1"},{"ref":"b0.0"}]])t"},
    {"rolling_buffer_of_what_is_prefetched", "stencil_2d",
     R"t(["prefetch",[{"ref":"b1"},0,{"ref":"b1.1"},4]],["compute_at",[{"ref":"b0"},{"ref":"b1.0"}]],)t"
     R"t(["rolling_buffer",[{"ref":"m2"},{"ref":"b1.0"}]])t"},
    {"rewrite_of_partial_results", "conv2d_dilated",
     R"t(["rewrite",[{"ref":"b1"},"split_k",[["parts",16]]]],["rewrite",[{"ref":"s0.0.0"},"im2col",[]]])t"},
    {"compute_at_into_what_rewrite_has_left", "global_mean",
     R"t(["rewrite",[{"ref":"b0"},"split_k",[["parts",7]]]],["decompose_reduction",[{"ref":"s0.0.1"},{"ref":"s0.l4"}]],)t"
     R"t(["compute_at",[{"ref":"s0.0.0"},{"ref":"s0.l5"}]])t"},
    {"compute_inline_of_what_reads_a_buffer_of_its_nest", "two_products",
     R"t(["rfactor",[{"ref":"b0.2"},2]],["cache_write",[{"ref":"b0"},"local",null]],["compute_inline",[{"ref":"s1.0"}]])t"},
    {"compute_inline_of_what_rewrite_keeps_inside", "softmax",
     R"t(["rewrite",[{"ref":"b2"},"online_softmax",[["chunk",2]]]],["compute_inline",[{"ref":"s0.0.6"}]])t"},
    {"reverse_compute_inline_before_what_is_read", "long_chain",
     R"t(["reverse_compute_at",[{"ref":"b1"},{"ref":"b0.0"}]],["reverse_compute_inline",[{"ref":"b2"}]])t"},
    {"cache_write_of_a_part_without_turns", "conv2d_dilated",
     R"t(["reverse_compute_at",[{"ref":"b1"},{"ref":"b0.1"}]],["loop_partition",[{"ref":"b0.0"},[3,null]]],)t"
     R"t(["cache_write",[{"ref":"b1"},"local",0]])t"},
    {"cache_write_of_what_a_condition_cuts", "avg_pool",
     R"t(["loop_partition",[{"ref":"b0.1"},[null,4]]],["compute_at",[{"ref":"b0"},{"ref":"s0.l1"}]],)t"
     R"t(["cache_write",[{"ref":"b0"},"shared",null]])t"},
    {"decompose_reduction_in_a_loop_without_turns", "conv2d",
     R"t(["reverse_compute_at",[{"ref":"b1"},{"ref":"b0.0"}]],)t"
     R"t(["loop_partition",[{"ref":"b0.0"},[{"param":{"default":4,"max":64,"min":2,"multiple_of":2,"name":"v"}},null,2]]],)t"
     R"t(["decompose_reduction",[{"ref":"s1.b3"},{"ref":"s1.0.2"}]])t"},
    {"blockize_of_a_loop_that_may_have_no_turn", "conv2d_pointwise",
     R"t(["cache_read",[{"ref":"b0"},1,"local"]],["reverse_compute_at",[{"ref":"b0"},{"ref":"s0.l2"}]],)t"
     R"t(["loop_partition",[{"ref":"s0.l2"},[{"param":{"default":0,"max":1048576,"min":3,"multiple_of":3,"name":"w"}},1,null]]],)t"
     R"t(["blockize",[{"ref":"s2.0.1"}]])t"},
    {"cache_write_in_a_fused_loop_without_turns", "matmul_half",
     R"t(["rfactor",[{"ref":"b0.2"},2]],["rfactor",[{"ref":"s0.l2"},1]],)t"
     R"t(["loop_partition",[{"ref":"s1.l0"},[{"param":{"default":4,"max":64,"min":2,"multiple_of":2,"name":"v"}},2,null]]],)t"
     R"t(["fuse",[[{"ref":"s2.0.2"},{"ref":"s1.l2"},{"ref":"s1.l1"}]]],["cache_write",[{"ref":"b0"},"shared"]])t"},
    {"cache_write_in_a_pipeline_of_one_turn", "conv2d",
     R"t(["compute_at",[{"ref":"b0"},{"ref":"b1.0"}]],["pipeline",[{"ref":"b1.0"},8]],["cache_write",[{"ref":"b0"},"shared"]])t"},
    {"cache_write_of_turns_that_a_condition_leaves_out", "matmul_nt",
     R"t(["cache_write",[{"ref":"b0"},"local"]],["compute_at",[{"ref":"b0"},{"ref":"s0.l1"}]],)t"
     R"t(["split",[{"ref":"s0.l0"},[null,2]]],)t"
     R"t(["tile",[[{"ref":"s2.0.1"},{"ref":"s2.0.0"}],[{"param":{"default":0,"max":8,"min":1,"multiple_of":1,"name":"u"}},7]]],)t"
     R"t(["cache_write",[{"ref":"b0"},"shared"]])t"},
    {"rfactor_of_a_block_with_a_condition", "any_all",
     R"t(["tile",[[{"ref":"b0.1"}],[2]]],["rfactor",[{"ref":"s0.0.0"},0]],)t"
     R"t(["rfactor",[{"ref":"s0.0.1"},2]])t"},
    {"reverse_compute_at_of_an_update", "argmin",
     R"t(["tile",[[{"ref":"b0.0"},{"ref":"b0.1"}],[1,{"param":{"default":0,"max":8,"min":1,"multiple_of":1,"name":"u"}}]]],)t"
     R"t(["decompose_reduction",[{"ref":"b0"},{"ref":"s0.0.1"}]],)t"
     R"t(["reverse_compute_at",[{"ref":"b0"},{"ref":"s1.l0"}]])t"},
    {"pipeline_of_a_padded_layout", "lstm",
     R"t(["transform_layout",[{"ref":"m11"},"(x0) -> (x0 % 4, x0 // 4)",2]],)t"
     R"t(["pipeline",[{"ref":"b2.0"},16]])t"},
    {"rolling_buffer_of_what_a_block_holds", "symbolic_blur",
     R"t(["tile",[[{"ref":"b1.0"}],[2]]],["compute_at",[{"ref":"b0"},{"ref":"s0.0.1"}]],)t"
     R"t(["blockize",[{"ref":"s1.l0"}]],["rolling_buffer",[{"ref":"m2"},{"ref":"s0.0.1"}]])t"},
    {"rfactor_of_loops_with_gaps_between_turns", "matmul_half",
     R"t(["split",[{"ref":"b0.0"},[1,4,null]]],)t"
     R"t(["split",[{"ref":"s0.0.1"},[{"param":{"default":3,"max":1073741824,"min":1,"multiple_of":1,"name":"t"}},8,16]]],)t"
     R"t(["reorder",[[{"ref":"b0.1"},{"ref":"s1.0.0"},{"ref":"b0.2"}]]],)t"
     R"t(["prefetch",[{"ref":"b0"},0,{"ref":"s1.0.2"},3]],["rfactor",[{"ref":"b0.2"},2]])t"},
    {"rfactor_of_a_part_beyond_the_end", "matmul",
     R"t(["split",[{"ref":"b0.1"},[null,16]]],["loop_partition",[{"ref":"s0.0.1"},[8,null]]],)t"
     R"t(["rfactor",[{"ref":"b0.2"},2]])t"},
    {"decompose_reduction_of_a_loop_without_turns", "top_one",
     R"t(["loop_partition",[{"ref":"b0.0"},[4,null]]],)t"
     R"t(["fuse",[[{"ref":"s0.0.1"},{"ref":"b0.1"}]]],)t"
     R"t(["decompose_reduction",[{"ref":"b0"},{"ref":"s1.0"}]])t"},
    {"reverse_compute_inline_of_an_empty_copy", "empty_product",
     R"t(["rfactor",[{"ref":"b1.2"},0]],["cache_read",[{"ref":"s0.0"},0,"local"]],["reverse_compute_inline",[{"ref":"s0.0"}]])t"},
    {"rolling_buffer_of_rows_that_a_split_cuts_off", "conv2d_grouped",
     R"t(["compute_at",[{"ref":"b0"},{"ref":"b1.3"}]],["split",[{"ref":"s0.l1"},[null,7]]],["rolling_buffer",[{"ref":"m3"},{"ref":"b1.2"}]])t"},
    {"messages_about_names_of_buffers", "stencil_1d", R"t(["storage_align",["nothing",0,2,0]])t"},
    {"messages_about_index_maps", "two_products", R"t(["transform_layout",[{"ref":"m5"},"nothing",null]])t"},
};

class FoundByTheFuzzer : public testing::TestWithParam<Found> {};

TEST_P(FoundByTheFuzzer, IsRefusedOrComputesTheSame) {
  const Found& found = GetParam();
  const Trace trace = Trace::from_json(R"({"format":"tilewright-trace","version":1,"steps":[)" +
                                       std::string(found.steps) + "]}");
  EXPECT_EQ(check_steps(corpus_case(found.sample), trace.steps), "");
}

INSTANTIATE_TEST_SUITE_P(All, FoundByTheFuzzer, testing::ValuesIn(kFound),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tw::schedule
