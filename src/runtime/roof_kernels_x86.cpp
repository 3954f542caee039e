// For x86-64: AVX-512 with its dot products, AVX2 with FMA, and SSE2.
//
// 24 or 12 accumulators hide the latency of every multiply-add (at most 6 cycles, two a cycle) and leave
// registers for the operands. Operands are opaque to the compiler, so nothing folds or leaves the loop.
#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include "runtime/roof_kernels.h"

namespace tw::runtime {
namespace {

#define TW_AVX512 __attribute__((target("avx512f")))
#define TW_AVX2 __attribute__((target("avx2,fma")))

/// A function that steps COUNT accumulators in each turn. STEP is an expression of acc[i], a and b.
#define TW_COMPUTE_KERNEL(NAME, TARGET, VECTOR, COUNT, A, B, ZERO, STEP)                     \
  TARGET void NAME(int64_t turns) {                                                          \
    VECTOR a = A, b = B, acc[COUNT];                                                         \
    asm volatile("" : "+v"(a), "+v"(b));                                                     \
    _Pragma("GCC unroll 24") for (int i = 0; i < COUNT; ++i) {                               \
      acc[i] = ZERO;                                                                         \
      asm volatile("" : "+v"(acc[i])); /* not known to equal the others */                   \
    }                                                                                        \
    for (int64_t turn = 0; turn < turns; ++turn) {                                           \
      _Pragma("GCC unroll 24") for (int i = 0; i < COUNT; ++i) acc[i] = STEP;                \
      asm volatile("" : "+v"(a), "+v"(b));                                                   \
    }                                                                                        \
    _Pragma("GCC unroll 24") for (int i = 0; i < COUNT; ++i) asm volatile("" ::"v"(acc[i])); \
  }

// acc*a + b stays near 1.
TW_COMPUTE_KERNEL(fma_avx512, TW_AVX512, __m512, 24, _mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f),
                  _mm512_set1_ps(1), _mm512_fmadd_ps(acc[i], a, b))
TW_COMPUTE_KERNEL(fma_avx2, TW_AVX2, __m256, 12, _mm256_set1_ps(0.5f), _mm256_set1_ps(0.5f),
                  _mm256_set1_ps(1), _mm256_fmadd_ps(acc[i], a, b))
TW_COMPUTE_KERNEL(mul_add_sse2, , __m128, 12, _mm_set1_ps(0.5f), _mm_set1_ps(0.5f), _mm_set1_ps(1),
                  _mm_add_ps(_mm_mul_ps(acc[i], a), b))
// Sums saturate in bf16 products and wrap in int32: neither costs time.
TW_COMPUTE_KERNEL(dot_bf16_avx512, __attribute__((target("avx512f,avx512bf16"))), __m512i, 24,
                  _mm512_set1_epi16(0x3f80), _mm512_set1_epi16(0x3f80), _mm512_setzero_si512(),
                  (__m512i)_mm512_dpbf16_ps((__m512)acc[i], (__m512bh)a, (__m512bh)b))
TW_COMPUTE_KERNEL(dot_int8_avx512, __attribute__((target("avx512f,avx512vnni"))), __m512i, 24,
                  _mm512_set1_epi8(3), _mm512_set1_epi8(5), _mm512_setzero_si512(),
                  _mm512_dpbusd_epi32(acc[i], a, b))
TW_COMPUTE_KERNEL(madd_int8_avx512, __attribute__((target("avx512f,avx512bw"))), __m512i, 12,
                  _mm512_set1_epi8(3), _mm512_set1_epi8(5), _mm512_setzero_si512(),
                  _mm512_add_epi32(acc[i], _mm512_madd_epi16(_mm512_maddubs_epi16(acc[i], b), a)))
TW_COMPUTE_KERNEL(dot_int8_avxvnni, __attribute__((target("avx2,avxvnni"))), __m256i, 12, _mm256_set1_epi8(3),
                  _mm256_set1_epi8(5), _mm256_setzero_si256(), _mm256_dpbusd_avx_epi32(acc[i], a, b))
TW_COMPUTE_KERNEL(madd_int8_avx2, TW_AVX2, __m256i, 10, _mm256_set1_epi8(3), _mm256_set1_epi8(5),
                  _mm256_setzero_si256(),
                  _mm256_add_epi32(acc[i], _mm256_madd_epi16(_mm256_maddubs_epi16(acc[i], b), a)))
TW_COMPUTE_KERNEL(madd_int16_sse2, , __m128i, 12, _mm_set1_epi16(3), _mm_set1_epi16(5), _mm_setzero_si128(),
                  _mm_add_epi32(acc[i], _mm_madd_epi16(acc[i], b)))

/// The five passes with one kind of vector.
#define TW_MEMORY_KERNELS(SUFFIX, TARGET, VECTOR, XOR, LOAD, STORE, STREAM)                   \
  TARGET void read_##SUFFIX(const char* from, int64_t bytes, int64_t passes) {                \
    constexpr int kUnroll = 8;                                                                \
    VECTOR sum[kUnroll] = {};                                                                 \
    for (int64_t pass = 0; pass < passes; ++pass) {                                           \
      for (int64_t at = 0; at < bytes; at += kUnroll * sizeof(VECTOR))                        \
        _Pragma("GCC unroll 8") for (int i = 0; i < kUnroll; ++i) sum[i] =                    \
            XOR(sum[i], LOAD((const VECTOR*)(from + at) + i));                                \
      asm volatile("" ::: "memory");                                                          \
    }                                                                                         \
    _Pragma("GCC unroll 8") for (int i = 0; i < kUnroll; ++i) asm volatile("" ::"v"(sum[i])); \
  }                                                                                           \
  TW_WRITE_KERNELS(SUFFIX, TARGET, VECTOR, LOAD, STORE)                                       \
  TW_WRITE_KERNELS(SUFFIX##_streaming, TARGET, VECTOR, LOAD, STREAM)

#define TW_WRITE_KERNELS(SUFFIX, TARGET, VECTOR, LOAD, STORE)                                     \
  TARGET void write_##SUFFIX(char* to, int64_t bytes, int64_t passes) {                           \
    VECTOR value = {};                                                                            \
    asm volatile("" : "+v"(value));                                                               \
    for (int64_t pass = 0; pass < passes; ++pass) {                                               \
      for (int64_t at = 0; at < bytes; at += 8 * sizeof(VECTOR))                                  \
        _Pragma("GCC unroll 8") for (int i = 0; i < 8; ++i) STORE((VECTOR*)(to + at) + i, value); \
      asm volatile("" ::: "memory");                                                              \
    }                                                                                             \
    _mm_sfence();                                                                                 \
  }                                                                                               \
  TARGET void copy_##SUFFIX(char* to, const char* from, int64_t bytes, int64_t passes) {          \
    for (int64_t pass = 0; pass < passes; ++pass) {                                               \
      for (int64_t at = 0; at < bytes; at += 8 * sizeof(VECTOR))                                  \
        _Pragma("GCC unroll 8") for (int i = 0; i < 8; ++i)                                       \
            STORE((VECTOR*)(to + at) + i, LOAD((const VECTOR*)(from + at) + i));                  \
      asm volatile("" ::: "memory");                                                              \
    }                                                                                             \
    _mm_sfence();                                                                                 \
  }

TW_MEMORY_KERNELS(avx512, TW_AVX512, __m512i, _mm512_xor_si512, _mm512_load_si512, _mm512_store_si512,
                  _mm512_stream_si512)
TW_MEMORY_KERNELS(avx2, TW_AVX2, __m256i, _mm256_xor_si256, _mm256_load_si256, _mm256_store_si256,
                  _mm256_stream_si256)
TW_MEMORY_KERNELS(sse2, , __m128i, _mm_xor_si128, _mm_load_si128, _mm_store_si128, _mm_stream_si128)

bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

struct Features {
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = __builtin_cpu_supports("avx512f");
  bool avx512_bw = avx512 && __builtin_cpu_supports("avx512bw");
  bool avx512_bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
  bool avx512_vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  bool avx_vnni = avx2 && has_avx_vnni();
};

/// `operations` of each lane of a vector of `bytes`.
ComputeKernel kernel(const char* dtype, const char* instructions, int accumulators, int64_t bytes,
                     int64_t per_lane, void (*run)(int64_t)) {
  return {dtype, instructions, accumulators * (bytes / 4) * per_lane, run};
}

}  // namespace

std::vector<ComputeKernel> compute_kernels() {
  const Features has;
  const auto float32 = [&](const char* dtype) {
    if (has.avx512) return kernel(dtype, "vfmadd, 512 bits", 24, 64, 2, fma_avx512);
    if (has.avx2) return kernel(dtype, "vfmadd, 256 bits", 12, 32, 2, fma_avx2);
    return kernel(dtype, "mulps and addps, 128 bits", 12, 16, 2, mul_add_sse2);
  };
  const auto int8 = [&] {
    if (has.avx512_vnni) return kernel("int8", "vpdpbusd, 512 bits", 24, 64, 8, dot_int8_avx512);
    if (has.avx_vnni) return kernel("int8", "vpdpbusd, 256 bits", 12, 32, 8, dot_int8_avxvnni);
    if (has.avx512_bw)
      return kernel("int8", "vpmaddubsw, vpmaddwd and vpaddd, 512 bits", 12, 64, 8, madd_int8_avx512);
    if (has.avx2)
      return kernel("int8", "vpmaddubsw, vpmaddwd and vpaddd, 256 bits", 10, 32, 8, madd_int8_avx2);
    return kernel("int8", "through int16: pmaddwd and paddd, 128 bits", 12, 16, 4, madd_int16_sse2);
  };
  return {float32("float32"),
          has.avx512_bf16 ? kernel("bfloat16", "vdpbf16ps, 512 bits", 24, 64, 4, dot_bf16_avx512)
                          : float32("bfloat16"),
          int8()};
}

MemoryKernels memory_kernels() {
  const Features has;
  if (has.avx512)
    return {read_avx512, write_avx512, copy_avx512, write_avx512_streaming, copy_avx512_streaming};
  if (has.avx2) return {read_avx2, write_avx2, copy_avx2, write_avx2_streaming, copy_avx2_streaming};
  return {read_sse2, write_sse2, copy_sse2, write_sse2_streaming, copy_sse2_streaming};
}

std::string kernel_features() {
  const Features has;
  std::string names = "sse2";
  const auto add = [&](bool there, const char* name) {
    if (there) names += std::string(" ") + name;
  };
  add(has.avx2, "avx2");
  add(has.avx_vnni, "avxvnni");
  add(has.avx512, "avx512f");
  add(has.avx512_bw, "avx512bw");
  add(has.avx512_bf16, "avx512bf16");
  add(has.avx512_vnni, "avx512vnni");
  return names;
}

}  // namespace tw::runtime

#endif
