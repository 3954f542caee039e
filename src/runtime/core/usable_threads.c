#include "runtime/core/usable_threads.h"

#include "runtime/core/call.h"
#include "runtime/core/system.h"

enum { kPathBytes = 1024, kFileBytes = 8192 };

/* A whole small file of a folder as text. False: there is none, or its path is too long. */
static int read_text(const char* folder, const char* name, char* text, size_t bytes) {
  char path[kPathBytes];
  if ((size_t)snprintf(path, sizeof path, "%s%s", folder, name) >= sizeof path) return 0;
  int file = open(path, 0);
  if (file < 0) return 0;
  size_t length = 0;
  long got;
  while (length + 1 < bytes && (got = read(file, text + length, bytes - 1 - length)) > 0)
    length += (size_t)got;
  close(file);
  text[length] = 0;
  return 1;
}

/* Quota over period, rounded up; 0: no limit ("max", or -1). */
static int32_t processors_of(const char* quota, const char* period) {
  long most = strtol(quota, NULL, 10), each = strtol(period, NULL, 10);
  if (most <= 0 || each <= 0) return 0;
  long processors = (most + each - 1) / each;
  return processors < INT32_MAX ? (int32_t)processors : INT32_MAX;
}

/* Version 2: "100000 100000", "max 100000". */
static int32_t of_v2(const char* folder) {
  char text[128];
  if (!read_text(folder, "/cpu.max", text, sizeof text)) return 0;
  char* space = strchr(text, ' ');
  return space ? processors_of(text, space + 1) : 0;
}

static int32_t of_v1(const char* folder) {
  char quota[64], period[64];
  if (!read_text(folder, "/cpu.cfs_quota_us", quota, sizeof quota)) return 0;
  if (!read_text(folder, "/cpu.cfs_period_us", period, sizeof period)) return 0;
  return processors_of(quota, period);
}

static int32_t lesser(int32_t a, int32_t b) {
  if (a == 0 || b == 0) return a + b;
  return a < b ? a : b;
}

/* Of a group and all above it. `group` begins with '/' and is shortened to nothing. */
static int32_t of_groups(const char* mount, char* group, int32_t (*of_folder)(const char*)) {
  int32_t least = 0;
  for (;;) {
    char folder[kPathBytes];
    int fits = (size_t)snprintf(folder, sizeof folder, "%s%s", mount, group) < sizeof folder;
    if (fits) least = lesser(least, of_folder(folder));
    size_t length = strlen(group);
    if (length == 0) return least;
    while (length > 0 && group[length - 1] != '/') length--;
    group[length > 0 ? length - 1 : 0] = 0;
  }
}

/* Whether the comma-separated list has the word "cpu". */
static int names_cpu(const char* list) {
  for (;;) {
    if (strncmp(list, "cpu", 3) == 0 && (list[3] == ',' || list[3] == 0)) return 1;
    list = strchr(list, ',');
    if (!list) return 0;
    list++;
  }
}

/* A line of /proc/self/cgroup: "0::/a/b" in version 2, "4:cpu,cpuacct:/a/b" in version 1. */
static int32_t of_line(const char* mount, char* line) {
  char* controllers = strchr(line, ':');
  char* group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group || group[1] != '/') return 0;
  controllers++;
  *group++ = 0;
  if (*controllers == 0) return of_groups(mount, group, of_v2);
  if (!names_cpu(controllers)) return 0;
  /* Mounted under its own name, or with others under all of their names. */
  char alone[kPathBytes], all[kPathBytes], again[kPathBytes];
  if ((size_t)snprintf(alone, sizeof alone, "%s/cpu", mount) >= sizeof alone ||
      (size_t)snprintf(all, sizeof all, "%s/%s", mount, controllers) >= sizeof all ||
      (size_t)snprintf(again, sizeof again, "%s", group) >= sizeof again) {
    return 0;
  }
  return lesser(of_groups(alone, again, of_v1), of_groups(all, group, of_v1));
}

int32_t tw_group_processors(const char* groups, const char* mount) {
  char text[kFileBytes];
  if (!read_text(groups, "", text, sizeof text)) return 0;
  int32_t least = 0;
  for (char* line = text; line && *line;) {
    char* end = strchr(line, '\n');
    if (end) *end = 0;
    least = lesser(least, of_line(mount, line));
    line = end ? end + 1 : NULL;
  }
  return least;
}

/* Processors that the process may be scheduled on. */
static int32_t affine_processors(void) {
  uint64_t mask[128] = {0}; /* 8192 processors */
  if (sched_getaffinity(0, sizeof mask, mask) != 0) return 1;
  int32_t count = 0;
  for (unsigned i = 0; i < sizeof mask / sizeof mask[0]; i++) count += __builtin_popcountll(mask[i]);
  return count > 0 ? count : 1;
}

int32_t tw_usable_threads(void) {
  return lesser(affine_processors(), tw_group_processors("/proc/self/cgroup", "/sys/fs/cgroup"));
}
