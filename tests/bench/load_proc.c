/*
 * load_proc.c - see load_proc.h. A file that cannot be read counts as nothing: processes may end
 * between the listing and the reading.
 */
#include "tests/bench/load_proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct pid_set {
    pid_t pids[LOAD_PROC_MAX];
    size_t count;
};

/* Calls `visit` with every numeric entry of the directory. */
static void each_number(const char *path, void (*visit)(long number, void *context), void *context)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char *end = NULL;
        const long number = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0') {
            visit(number, context);
        }
    }
    closedir(dir);
}

static void pid_set_add(struct pid_set *set, pid_t pid)
{
    if (set->count < LOAD_PROC_MAX) {
        set->pids[set->count++] = pid;
    }
}

/* Each thread lists the children that it started. */
struct children_visit {
    pid_t pid;
    struct pid_set *set;
};

static void add_children_of_thread(long thread, void *context)
{
    const struct children_visit *visit = context;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/children", (int)visit->pid, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    int child = 0;
    while (fscanf(file, "%d", &child) == 1) {
        pid_set_add(visit->set, child);
    }
    fclose(file);
}

/* The set grows while it is walked: children of children come last. */
static void pid_set_fill(struct pid_set *set, const pid_t *roots, size_t count)
{
    set->count = 0;
    for (size_t i = 0; i < count; i++) {
        pid_set_add(set, roots[i]);
    }
    for (size_t i = 0; i < set->count; i++) {
        char path[32];
        snprintf(path, sizeof path, "/proc/%d/task", (int)set->pids[i]);
        each_number(path, add_children_of_thread, &(struct children_visit){set->pids[i], set});
    }
}

struct cpu_visit {
    pid_t pid;
    uint64_t sum;
};

static void add_thread_cpu(long thread, void *context)
{
    struct cpu_visit *visit = context;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/schedstat", (int)visit->pid, thread);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    uint64_t ns = 0;
    if (fscanf(file, "%" SCNu64, &ns) == 1) {
        visit->sum += ns;
    }
    fclose(file);
}

uint64_t load_proc_cpu_ns(const pid_t *roots, size_t count)
{
    struct pid_set set;
    struct cpu_visit visit = {0, 0};
    pid_set_fill(&set, roots, count);
    for (size_t i = 0; i < set.count; i++) {
        char path[32];
        visit.pid = set.pids[i];
        snprintf(path, sizeof path, "/proc/%d/task", (int)visit.pid);
        each_number(path, add_thread_cpu, &visit);
    }
    return visit.sum;
}

static void add_memory(struct load_memory *memory, pid_t pid)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    char line[160];
    uint64_t kib = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Rss: %" SCNu64, &kib) == 1) {
            memory->rss_kib += kib;
        } else if (sscanf(line, "Pss: %" SCNu64, &kib) == 1) {
            memory->pss_kib += kib;
        } else if (sscanf(line, "Anonymous: %" SCNu64, &kib) == 1) {
            memory->anonymous_kib += kib;
        }
    }
    fclose(file);
}

struct load_memory load_proc_memory(const pid_t *roots, size_t count)
{
    struct load_memory memory = {0, 0, 0};
    struct pid_set set;
    pid_set_fill(&set, roots, count);
    for (size_t i = 0; i < set.count; i++) {
        add_memory(&memory, set.pids[i]);
    }
    return memory;
}

uint64_t load_proc_own_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* proc(5): behind the name in parentheses, which may hold anything, come state, ten fields that do
 * not matter here, then utime, stime, cutime and cstime. */
static void add_process_ticks(long pid, void *context)
{
    uint64_t *ticks = context;
    char path[32];
    char text[1024];
    uint64_t t[4] = {0};
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *name_end = strrchr(text, ')');
    if (name_end != NULL && sscanf(name_end + 1,
                                   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64
                                   " %" SCNu64 " %" SCNu64 " %" SCNu64,
                                   &t[0], &t[1], &t[2], &t[3]) == 4) {
        *ticks += t[0] + t[1] + t[2] + t[3];
    }
}

uint64_t load_proc_machine_cpu_ns(void)
{
    uint64_t ticks = 0;
    each_number("/proc", add_process_ticks, &ticks);
    return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}
