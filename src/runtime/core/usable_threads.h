/* Processors by control group, for tw_usable_threads. */
#ifndef TW_RUNTIME_CORE_USABLE_THREADS_H_
#define TW_RUNTIME_CORE_USABLE_THREADS_H_

#include <stdint.h>

/* The least quota of a process's groups and the groups above, in whole processors, rounded up; 0: none.
 * `groups`: the file /proc/self/cgroup; `mount`: the folder /sys/fs/cgroup. Knows version 2 (cpu.max) and
 * version 1 (cpu.cfs_quota_us); a group that is not below the mount, as in a container, counts as the mount's
 * root. */
int32_t tw_group_processors(const char* groups, const char* mount);

#endif
