/* What the core takes from libc and libpthread, declared by hand: it is compiled for other systems too,
 * without their headers. Everything here is in glibc 2.17. Linux on 64-bit little-endian machines. */
#ifndef TW_RUNTIME_CORE_SYSTEM_H_
#define TW_RUNTIME_CORE_SYSTEM_H_

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(long) == 8 && sizeof(void*) == 8, "64-bit machines only");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian machines only");

void* memcpy(void* to, const void* from, size_t bytes);
void* memset(void* to, int byte, size_t bytes);
size_t strlen(const char* text);
int memcmp(const void* a, const void* b, size_t bytes);
int strcmp(const char* a, const char* b);
int strncmp(const char* a, const char* b, size_t n);
char* strchr(const char* text, int c);
char* strrchr(const char* text, int c);
long strtol(const char* text, char** end, int base);
int vsnprintf(char* text, size_t bytes, const char* format, va_list arguments);
int snprintf(char* text, size_t bytes, const char* format, ...) __attribute__((format(printf, 3, 4)));
void* malloc(size_t bytes);
void free(void* memory);

int open(const char* path, int flags, ...);
long read(int file, void* to, size_t bytes);
long lseek(int file, long offset, int from);
int close(int file);
enum { TW_FROM_END = 2, TW_OPEN_WEIGHTS = 0x80800 /* O_RDONLY | O_CLOEXEC | O_NONBLOCK */ };

int* __errno_location(void);
char* strerror(int error);
/* Why a function of the system failed just now. */
static inline const char* tw_system_error(void) {
  return strerror(*__errno_location());
}

void* mmap(void* at, size_t bytes, int access, int flags, int file, long offset);
int munmap(void* at, size_t bytes);
int madvise(void* at, size_t bytes, int advice);
enum {
  TW_READ = 1,
  TW_SHARED = 1,
  TW_READ_WRITE = 3,
  TW_PRIVATE_MEMORY = 0x22,
  TW_HUGE_PAGES = 14,
  TW_WIPE_ON_FORK = 18
};
#define TW_MAP_FAILED ((void*)-1)

/* A library of this process, and a part of it that is in memory. */
typedef struct {
  uint32_t type, flags;
  uint64_t file_offset, address, physical, file_bytes, bytes, alignment;
} tw_segment;
typedef struct {
  uint64_t base;
  const char* path;
  const tw_segment* segments;
  uint16_t count;
} tw_loaded_file;
int dl_iterate_phdr(int (*visit)(tw_loaded_file* file, size_t bytes, void* data), void* data);

int getpid(void);
int sched_yield(void);
int sched_getaffinity(int process, size_t bytes, void* mask);
int sched_setaffinity(int process, size_t bytes, const void* mask);
int sched_getcpu(void);

typedef struct {
  long seconds, nanoseconds;
} tw_time;
int clock_gettime(int clock, tw_time* time);

int pthread_create(unsigned long* thread, const void* attributes, void* (*run)(void*), void* argument);
int pthread_join(unsigned long thread, void** result);
typedef struct {
  unsigned long bits[16];
} tw_signals;
int pthread_sigmask(int how, const tw_signals* signals, tw_signals* before);

long syscall(long number, ...);
#if defined(__x86_64__)
enum { TW_FUTEX = 202 };
#elif defined(__aarch64__)
enum { TW_FUTEX = 98 };
#else
#error "The runtime's core knows x86-64 and AArch64."
#endif

/* Sleeps while *word is `value`; may wake for no reason. */
static inline void tw_sleep_while(void* word, uint32_t value) {
  syscall(TW_FUTEX, word, 128 /* FUTEX_WAIT_PRIVATE */, value, NULL, NULL, 0);
}

static inline void tw_wake(void* word) {
  syscall(TW_FUTEX, word, 129 /* FUTEX_WAKE_PRIVATE */, 1, NULL, NULL, 0);
}

static inline int64_t tw_nanoseconds(void) {
  tw_time now;
  clock_gettime(1 /* CLOCK_MONOTONIC */, &now);
  return (int64_t)now.seconds * 1000000000 + now.nanoseconds;
}

static inline void tw_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
