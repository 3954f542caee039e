/* Opens and closes a library many times, with threads of it that ran. */
#include <dlfcn.h>
#include <stdio.h>

#include "libmatmul.h"

int main(void) {
  float a[4] = {1, 2, 3, 4}, c[4];
  float b[4] = {1, 0, 0, 1};
  int64_t shape[] = {2, 2};
  tw_tensor in[] = {{a, TW_FLOAT32, 2, shape, NULL}, {b, TW_FLOAT32, 2, shape, NULL}};
  tw_tensor out[] = {{c, TW_FLOAT32, 2, shape, NULL}};
  for (int i = 0; i < 20; i++) {
    void* library = dlopen("./libmatmul.so", RTLD_NOW);
    if (!library) library = dlopen("libmatmul.so", RTLD_NOW);
    if (!library) {
      printf("%s\n", dlerror());
      return 1;
    }
    int (*open)(const char*, matmul**);
    int (*run)(matmul*, const tw_tensor*, int, tw_tensor*, int);
    int (*threads)(matmul*, int);
    void (*close)(matmul*);
    *(void**)&open = dlsym(library, "matmul_open");
    *(void**)&run = dlsym(library, "matmul_run");
    *(void**)&threads = dlsym(library, "matmul_threads");
    *(void**)&close = dlsym(library, "matmul_close");
    matmul* handle;
    if (open(NULL, &handle) || threads(handle, 2) || run(handle, in, 2, out, 1) || c[3] != 4) return 2;
    close(handle);
    dlclose(library);
  }
  printf("good\n");
  return 0;
}
