/* What this processor can do, by LLVM's names of features. */
#ifndef TW_RUNTIME_CORE_CPU_H_
#define TW_RUNTIME_CORE_CPU_H_

#ifdef __cplusplus
extern "C" {
#endif

/* 1: the processor has it, and the system saves its registers; 0: it has not; -1: a name that the table does
 * not know ("avx512f" on AArch64, features that no code generator chooses). */
int tw_cpu_has(const char* feature);

#ifdef __cplusplus
}
#endif
#endif
