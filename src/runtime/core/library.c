#include "runtime/core/library.h"

#include "runtime/core/beside.h"
#include "runtime/core/bind.h"
#include "runtime/core/check.h"
#include "runtime/core/cpu.h"
#include "runtime/core/error.h"
#include "runtime/core/system.h"

struct tw_handle {
  tw_pool* pool;
  tw_host_parallel parallel; /* of the host, or null */
  void* user;
  tw_weights weights;
};

/* Order of tw_library_texts. */
enum { kName, kFeatures, kThreads, kDescription, kWeights };

static const char* text(int which) {
  const char* found = tw_library_texts;
  while (which-- > 0) found += strlen(found) + 1;
  return found;
}

const char* tw_library_description(void) {
  return text(kDescription);
}

/* This CPU has what the code was compiled for; names that it does not know are none that code would use. */
static int32_t check_cpu(void) {
  tw_text missing = {"", 0};
  const char* feature = text(kFeatures);
  while (*feature) {
    const char* end = strchr(feature, ' ');
    size_t length = end ? (size_t)(end - feature) : strlen(feature);
    char name[64] = "";
    if (length < sizeof name) memcpy(name, feature, length);
    if (tw_cpu_has(name) == 0) tw_text_add(&missing, missing.length ? ", %s" : "%s", name);
    feature += length + (end != NULL);
  }
  if (missing.length == 0) return TW_OK;
  return tw_error_set(
      TW_UNSUPPORTED,
      "%s: this CPU lacks %s, which the library was compiled for: export it for a target that this CPU "
      "has, by -mcpu",
      text(kName), missing.text);
}

static int32_t default_threads(void) {
  return (int32_t)strtol(text(kThreads), NULL, 10);
}

static int32_t open_weights(const char* path, tw_weights* weights) {
  const char* place = text(kWeights);
  *weights = (tw_weights){tw_library_weights, NULL, 0};
  if (strcmp(place, "embedded") == 0) weights->image = (const char*)tw_library_weights;
  if (!*place || weights->image) {
    if (!path) return TW_OK;
    return tw_error_set(TW_BAD_VALUE, "%s_open: the library %s, so pass NULL for '%s'", text(kName),
                        *place ? "has its weights in itself" : "has no weights", path);
  }
  char who[128], beside[TW_PATH_BYTES];
  snprintf(who, sizeof who, "%s_open", text(kName));
  int32_t code = path ? TW_OK : tw_beside(who, place, beside);
  return code == TW_OK ? tw_weights_map(who, path ? path : beside, tw_library_weights, weights) : code;
}

__attribute__((visibility("default"))) const tw_library* tw_library_v1(void) {
  static const tw_library library = {
      tw_library_texts, &tw_library_function, tw_library_description, default_threads, check_cpu,
      tw_error,         open_weights};
  return &library;
}

/* A handle without weights. */
static int32_t make_handle(tw_handle** handle) {
  tw_pool* pool = tw_pool_open(default_threads());
  if (!pool) return TW_NO_MEMORY;
  *handle = malloc(sizeof **handle);
  if (!*handle) tw_pool_close(pool);
  if (!*handle) return tw_error_set(TW_NO_MEMORY, "%s_open: no memory for a handle", text(kName));
  **handle = (tw_handle){.pool = pool};
  return TW_OK;
}

int32_t tw_library_open(const char* weights, tw_handle** handle) {
  if (!handle) return tw_error_set(TW_BAD_VALUE, "%s_open: no place for the handle (null)", text(kName));
  *handle = NULL;
  int32_t code = check_cpu();
  if (code != TW_OK) return code;
  tw_weights opened;
  code = open_weights(weights, &opened);
  if (code != TW_OK) return code;
  code = make_handle(handle);
  if (code == TW_OK) {
    (*handle)->weights = opened;
  } else {
    tw_weights_close(&opened);
  }
  return code;
}

void tw_library_close(tw_handle* handle) {
  if (!handle) return;
  tw_pool_close(handle->pool);
  tw_weights_close(&handle->weights);
  free(handle);
}

static int32_t no_handle(const char* function) {
  return tw_error_set(TW_BAD_VALUE, "%s_%s: no handle is given (null)", text(kName), function);
}

int32_t tw_library_threads(tw_handle* handle, int threads) {
  if (!handle) return no_handle("threads");
  if (threads < 0)
    return tw_error_set(TW_BAD_VALUE, "%s_threads: %d threads are asked for", text(kName), threads);
  tw_pool* pool = tw_pool_open(threads);
  if (!pool) return TW_NO_MEMORY;
  tw_pool_use(pool, handle->parallel, handle->user);
  tw_pool_close(handle->pool);
  handle->pool = pool;
  return TW_OK;
}

int32_t tw_library_parallel(tw_handle* handle, tw_host_parallel parallel, void* user) {
  if (!handle) return no_handle("parallel");
  handle->parallel = parallel;
  handle->user = user;
  tw_pool_use(handle->pool, parallel, user);
  return TW_OK;
}

static int is_in(const tw_param* param) {
  return param->kind == TW_PARAM_INPUT || param->kind == TW_PARAM_CONSTANT || param->kind == TW_PARAM_SIZE;
}

static int is_out(const tw_param* param) {
  return param->kind == TW_PARAM_OUTPUT || param->kind == TW_PARAM_INOUT;
}

/* Goes through the parameters that callers see: arrays but the weights, and sizes that no shape shows. */
typedef struct {
  int32_t param, buffer;
  uint32_t weight;
} tw_walk;
#define TW_WALK_BEGIN \
  { 0, -1, 0 }

static const tw_param* next_param(tw_walk* walk) {
  const tw_function* f = &tw_library_function;
  const tw_weights_header* weights = tw_library_weights;
  while (walk->param < f->n_params) {
    const tw_param* param = &f->params[walk->param++];
    if (param->kind == TW_PARAM_SIZE) return param;
    if (!tw_is_buffer(param)) continue;
    walk->buffer++;
    if (walk->weight == weights->count || tw_weights_arrays(weights)[walk->weight].buffer != walk->buffer)
      return param;
    walk->weight++;
  }
  return NULL;
}

/* How many parameters `counts` is true of; their names are added to `names` unless that is null. */
static int count(int (*counts)(const tw_param*), tw_text* names) {
  tw_walk walk = TW_WALK_BEGIN;
  int found = 0;
  for (const tw_param* param; (param = next_param(&walk)) != NULL;) {
    if (!counts(param)) continue;
    found++;
    if (names) tw_text_add(names, names->length ? ", %s" : "%s", param->name);
  }
  return found;
}

static int32_t check_count(const char* function, const char* what, const tw_tensor* tensors, int given,
                           int (*counts)(const tw_param*)) {
  const int needed = count(counts, NULL);
  if (given != needed) {
    tw_text names = {"", 0};
    count(counts, &names);
    return tw_error_set(TW_BAD_VALUE, "%s_%s: %d %s given, needs %d: %s", text(kName), function, given, what,
                        needed, names.text);
  }
  if (needed > 0 && !tensors)
    return tw_error_set(TW_BAD_VALUE, "%s_%s: no %s (null)", text(kName), function, what);
  return TW_OK;
}

static int32_t read_size(const tw_param* param, const tw_tensor* tensor, int64_t* size) {
  if (tensor->dtype != TW_INT64 || tensor->ndim != 0 || !tensor->data) {
    return tw_error_set(tensor->dtype != TW_INT64 ? TW_BAD_TYPE : TW_BAD_VALUE,
                        "%s: the size '%s' is given by an array of type int64 without dimensions",
                        text(kName), param->name);
  }
  memcpy(size, tensor->data, sizeof *size);
  return TW_OK;
}

/* Buffers and sizes in the function's order. `out` null: those are left as they are. */
static int32_t gather(const tw_handle* handle, const tw_tensor* in, const tw_tensor* out, tw_tensor* buffers,
                      int64_t* sizes) {
  tw_walk walk = TW_WALK_BEGIN;
  for (const tw_param* param; (param = next_param(&walk)) != NULL;) {
    if (param->kind == TW_PARAM_SIZE) {
      int32_t code = read_size(param, in++, sizes++);
      if (code != TW_OK) return code;
    } else if (is_in(param)) {
      buffers[walk.buffer] = *in++;
    } else if (out) {
      buffers[walk.buffer] = *out++;
    }
  }
  for (uint32_t i = 0; i < handle->weights.header->count; i++)
    buffers[tw_weights_arrays(handle->weights.header)[i].buffer] = tw_weights_tensor(&handle->weights, i);
  return TW_OK;
}

/* Arrays of so many tensors and numbers, on the stack where they are few. */
enum { kFewTensors = 16, kFewNumbers = 64 };
typedef struct {
  tw_tensor* tensors;
  int64_t* numbers;
  tw_tensor few_tensors[kFewTensors];
  int64_t few_numbers[kFewNumbers];
} tw_room;

static int32_t make_room(tw_room* room, int32_t tensors, int32_t numbers) {
  room->tensors = tensors <= kFewTensors ? room->few_tensors : malloc((size_t)tensors * sizeof(tw_tensor));
  room->numbers = numbers <= kFewNumbers ? room->few_numbers : malloc((size_t)numbers * sizeof(int64_t));
  if (room->tensors && room->numbers) return TW_OK;
  return tw_error_set(TW_NO_MEMORY, "%s: no memory for its arguments", text(kName));
}

static void leave_room(tw_room* room) {
  if (room->tensors != room->few_tensors) free(room->tensors);
  if (room->numbers != room->few_numbers) free(room->numbers);
}

int32_t tw_library_run(tw_handle* handle, const tw_tensor* in, int n_in, tw_tensor* out, int n_out) {
  const tw_function* f = &tw_library_function;
  if (!handle) return no_handle("run");
  int32_t code = check_count("run", "inputs", in, n_in, is_in);
  if (code == TW_OK) code = check_count("run", "outputs", out, n_out, is_out);
  if (code != TW_OK) return code;
  tw_room room;
  code = make_room(&room, f->n_buffers, f->n_scalars);
  if (code == TW_OK) code = gather(handle, in, out, room.tensors, room.numbers);
  if (code == TW_OK) code = tw_call(f, handle->pool, 0, room.tensors, room.numbers, NULL);
  leave_room(&room);
  return code;
}

/* The shape of the output-th array that is written, from all extents. */
static int32_t find_output(int output, const int64_t* extents, int64_t* shape, int32_t* ndim) {
  const tw_function* f = &tw_library_function;
  int outputs = 0;
  for (int32_t p = 0; p < f->n_params; p++) {
    const tw_param* param = &f->params[p];
    if (!tw_is_buffer(param)) continue;
    if (is_out(param) && outputs++ == output) {
      *ndim = param->ndim;
      if (shape) memcpy(shape, extents, (size_t)param->ndim * sizeof(int64_t));
      return TW_OK;
    }
    extents += param->ndim;
  }
  return tw_error_set(TW_BAD_VALUE, "%s_shape: there is no output %d; there are %d", text(kName), output,
                      outputs);
}

int32_t tw_library_shape(tw_handle* handle, const tw_tensor* in, int n_in, int output, int64_t* shape,
                         int32_t* ndim) {
  const tw_function* f = &tw_library_function;
  if (!handle) return no_handle("shape");
  if (!ndim)
    return tw_error_set(TW_BAD_VALUE, "%s_shape: no place for the number of dimensions (null)", text(kName));
  int32_t code = check_count("shape", "inputs", in, n_in, is_in);
  if (code != TW_OK) return code;
  tw_room room;
  code = make_room(&room, f->n_buffers, 2 * f->n_scalars + tw_count_extents(f));
  int64_t *sizes = room.numbers, *scalars = sizes + f->n_scalars, *extents = scalars + f->n_scalars;
  if (code == TW_OK) code = gather(handle, in, NULL, room.tensors, sizes);
  if (code == TW_OK) code = tw_bind_given(f, room.tensors, TW_GIVEN_READ, sizes, NULL, scalars, extents);
  if (code == TW_OK) code = find_output(output, extents, shape, ndim);
  leave_room(&room);
  return code;
}
