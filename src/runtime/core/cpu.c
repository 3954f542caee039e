#include "runtime/core/cpu.h"

#include "runtime/core/system.h"

#if defined(__x86_64__)

/* The features that machine code may use unasked. Those for special instructions only, such as aes, are left
 * out: a library should not refuse a CPU for them. */

/* Registers of cpuid as the table names them: leaf 1 ecx, leaf 7 ebx/ecx/edx, leaf 7.1 eax, extended leaf 1
 * ecx. */
enum { kLeaf1C, kLeaf1D, kLeaf7B, kLeaf7C, kLeaf7D, kLeaf71A, kLeaf71D, kExtended1C, kWords };

/* What the system must save for a feature: bits of XCR0. */
enum { kNoState = 0, kAvxState = 0x6, kAvx512State = 0xe6, kTileState = 0x60000 };

typedef struct {
  const char* name;
  int word, bit, state;
} tw_feature;

static const tw_feature kFeatures[] = {
    {"sse", kLeaf1D, 25, kNoState},
    {"sse2", kLeaf1D, 26, kNoState},
    {"sse3", kLeaf1C, 0, kNoState},
    {"ssse3", kLeaf1C, 9, kNoState},
    {"fma", kLeaf1C, 12, kAvxState},
    {"sse4.1", kLeaf1C, 19, kNoState},
    {"sse4.2", kLeaf1C, 20, kNoState},
    {"movbe", kLeaf1C, 22, kNoState},
    {"popcnt", kLeaf1C, 23, kNoState},
    {"avx", kLeaf1C, 28, kAvxState},
    {"f16c", kLeaf1C, 29, kAvxState},
    {"bmi", kLeaf7B, 3, kNoState},
    {"avx2", kLeaf7B, 5, kAvxState},
    {"bmi2", kLeaf7B, 8, kNoState},
    {"avx512f", kLeaf7B, 16, kAvx512State},
    {"avx512dq", kLeaf7B, 17, kAvx512State},
    {"avx512ifma", kLeaf7B, 21, kAvx512State},
    {"avx512cd", kLeaf7B, 28, kAvx512State},
    {"avx512bw", kLeaf7B, 30, kAvx512State},
    {"avx512vl", kLeaf7B, 31, kAvx512State},
    {"avx512vbmi", kLeaf7C, 1, kAvx512State},
    {"avx512vbmi2", kLeaf7C, 6, kAvx512State},
    {"gfni", kLeaf7C, 8, kNoState},
    {"avx512vnni", kLeaf7C, 11, kAvx512State},
    {"avx512bitalg", kLeaf7C, 12, kAvx512State},
    {"avx512vpopcntdq", kLeaf7C, 14, kAvx512State},
    {"amx-bf16", kLeaf7D, 22, kTileState},
    {"avx512fp16", kLeaf7D, 23, kAvx512State},
    {"amx-tile", kLeaf7D, 24, kTileState},
    {"amx-int8", kLeaf7D, 25, kTileState},
    {"avxvnni", kLeaf71A, 4, kAvxState},
    {"avx512bf16", kLeaf71A, 5, kAvx512State},
    {"amx-fp16", kLeaf71A, 21, kTileState},
    {"avxifma", kLeaf71A, 23, kAvxState},
    {"avxvnniint8", kLeaf71D, 4, kAvxState},
    {"avxneconvert", kLeaf71D, 5, kAvxState},
    {"lzcnt", kExtended1C, 5, kNoState},
    {"sse4a", kExtended1C, 6, kNoState},
    {"xop", kExtended1C, 11, kAvxState},
    {"fma4", kExtended1C, 16, kAvxState},
};

/* eax, ebx, ecx, edx of a leaf; zeros for one that there is not. */
static void cpuid(uint32_t leaf, uint32_t sub_leaf, uint32_t out[4]) {
  uint32_t most;
  __asm__("cpuid" : "=a"(most) : "a"(leaf & 0x80000000u) : "ebx", "ecx", "edx");
  out[0] = out[1] = out[2] = out[3] = 0;
  if (leaf > most) return;
  __asm__("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(sub_leaf));
}

static uint64_t saved_states(uint32_t leaf1_ecx) {
  if (!(leaf1_ecx >> 27 & 1)) return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

int tw_cpu_has(const char* feature) {
  uint32_t leaf1[4], leaf7[4], leaf71[4] = {0}, extended1[4];
  for (unsigned i = 0; i < sizeof kFeatures / sizeof kFeatures[0]; i++) {
    const tw_feature* found = &kFeatures[i];
    if (strcmp(found->name, feature) != 0) continue;
    cpuid(1, 0, leaf1);
    cpuid(7, 0, leaf7);
    if (leaf7[0] >= 1) cpuid(7, 1, leaf71);
    cpuid(0x80000001u, 0, extended1);
    const uint32_t words[kWords] = {leaf1[2], leaf1[3],  leaf7[1],  leaf7[2],
                                    leaf7[3], leaf71[0], leaf71[3], extended1[2]};
    uint64_t state = (uint64_t)found->state;
    return (words[found->word] >> found->bit & 1) && (saved_states(leaf1[2]) & state) == state;
  }
  return -1;
}

#elif defined(__aarch64__)

unsigned long getauxval(unsigned long type);

/* AT_HWCAP and AT_HWCAP2. */
enum { kHwcap = 16, kHwcap2 = 26 };

static const struct {
  const char* name;
  int word, bit;
} kFeatures[] = {
    {"fp-armv8", kHwcap, 0}, {"neon", kHwcap, 1},       {"lse", kHwcap, 8},   {"fullfp16", kHwcap, 10},
    {"rdm", kHwcap, 12},     {"complxnum", kHwcap, 14}, {"rcpc", kHwcap, 15}, {"dotprod", kHwcap, 20},
    {"sve", kHwcap, 22},     {"fp16fml", kHwcap, 23},   {"sve2", kHwcap2, 1}, {"i8mm", kHwcap2, 13},
    {"bf16", kHwcap2, 14},   {"sme", kHwcap2, 23},
};

int tw_cpu_has(const char* feature) {
  for (unsigned i = 0; i < sizeof kFeatures / sizeof kFeatures[0]; i++) {
    if (strcmp(kFeatures[i].name, feature) == 0)
      return getauxval((unsigned)kFeatures[i].word) >> kFeatures[i].bit & 1;
  }
  return -1;
}

#endif
