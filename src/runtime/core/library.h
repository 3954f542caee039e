/* The C interface of an exported library. The core is linked into each library, and its functions get the
 * library's names: `matmul_open` is tw_library_open, and so on. Beside these the linker supplies what makes
 * the library that one: its function, its texts and its weights. */
#ifndef TW_RUNTIME_CORE_LIBRARY_H_
#define TW_RUNTIME_CORE_LIBRARY_H_

#include "runtime/core/call.h"
#include "runtime/core/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What whoever loads a library finds in it, whatever its name: the one symbol that all libraries have, of the
 * type tw_library_entry. The function may be called with the loading process's own pool. */
typedef struct {
  const char* name;
  const tw_function* function;
  const char* (*description)(void); /* JSON */
  int32_t (*threads)(void);         /* that its target says; 0: all */
  int32_t (*check)(void); /* TW_OK, or TW_UNSUPPORTED: this CPU lacks what the code was compiled for */
  const char* (*error)(void);
  /* The constants that were prepared beforehand, which callers do not give: from the library itself, or from
   * a file (null: the one beside it). To be closed with tw_weights_close. */
  int32_t (*weights)(const char* path, tw_weights* weights);
} tw_library;
typedef const tw_library* (*tw_library_entry)(void);
#define TW_LIBRARY_ENTRY "tw_library_v1"

/* Supplied by the linker. Texts that end in 0, one after the other: the library's name, its features
 * separated by spaces, its number of threads, its description, where its weights are: "embedded", the name of
 * a file, or nothing where there are none. The weights: their image, or just its header. */
extern const tw_function tw_library_function;
extern const char tw_library_texts[];
extern const tw_weights_header tw_library_weights[];

const tw_library* tw_library_v1(void);

/* docs/exported_libraries.md says what they do. `in`: the arrays that are only read and, as arrays of type
 * int64 without dimensions, the sizes that no shape shows, in the order of the function's parameters, the
 * constants that are weights left out. `out`:
 * the arrays that are written. */
typedef struct tw_handle tw_handle;
int32_t tw_library_open(const char* weights, tw_handle** handle);
int32_t tw_library_shape(tw_handle* handle, const tw_tensor* in, int n_in, int output, int64_t* shape,
                         int32_t* ndim);
int32_t tw_library_run(tw_handle* handle, const tw_tensor* in, int n_in, tw_tensor* out, int n_out);
int32_t tw_library_threads(tw_handle* handle, int threads);
int32_t tw_library_parallel(tw_handle* handle, tw_host_parallel parallel, void* user);
void tw_library_close(tw_handle* handle);
const char* tw_library_description(void);

#ifdef __cplusplus
}
#endif
#endif
