/*
 * clock_trust.c - two clocks compared, and what is remembered of it.
 *
 * The difference of wall and steady time is taken once, when the holding begins, and every look is
 * measured against that one: many small steps add up to a large one. Inside a boot this works
 * across restarts of the program. Across a reboot there is only wall time: going on within an hour
 * of the last look is plausible, anything else begins the holding anew.
 *
 * Fails only where the file cannot be written; whoever cannot remember has to wait again.
 */
#include "lib/upkeep/clock_trust.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"

struct clock_moment clock_moment_now(void)
{
    struct clock_moment now = {.wall_ns = clock_wall_ns()};
    struct timespec steady;
    clock_gettime(CLOCK_BOOTTIME, &steady);
    now.steady_ns = (int64_t)steady.tv_sec * NS_PER_S + steady.tv_nsec;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file || fscanf(file, "%36s", now.boot) != 1)
        now.boot[0] = '\0';
    if (file)
        (void)fclose(file);
    return now;
}

/* ------------------------------------------------------------------ judging */

/* |a - b| <= CLOCK_TRUST_STEP_NS, for any two numbers. */
static bool near(int64_t a, int64_t b)
{
    uint64_t apart = a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
    return apart <= (uint64_t)CLOCK_TRUST_STEP_NS;
}

static bool same_boot(const struct clock_moment *a, const struct clock_moment *b)
{
    return a->boot[0] && strcmp(a->boot, b->boot) == 0 && b->steady_ns >= a->steady_ns;
}

static int64_t difference(const struct clock_moment *moment)
{
    return (int64_t)((uint64_t)moment->wall_ns - (uint64_t)moment->steady_ns);
}

static void begin_holding(struct clock_trust *trust, const struct clock_moment *now)
{
    *trust = (struct clock_trust){.known = true, .seen = *now, .difference_ns = difference(now)};
}

static void hold(struct clock_trust *trust, const struct clock_moment *now, int64_t passed)
{
    trust->held_ns = passed < CLOCK_TRUST_HOLD_NS - trust->held_ns ? trust->held_ns + passed
                                                                   : CLOCK_TRUST_HOLD_NS;
    trust->seen = *now;
}

bool clock_trust_look(struct clock_trust *trust, const struct clock_moment *now)
{
    if (!trust->known || now->steady_ns < trust->seen.steady_ns ||
        !near(difference(now), trust->difference_ns)) {
        begin_holding(trust, now);
        return true;
    }
    hold(trust, now, now->steady_ns - trust->seen.steady_ns);
    return false;
}

void clock_trust_begin(struct clock_trust *trust, const struct clock_moment *now)
{
    if (trust->known && !same_boot(&trust->seen, now)) {
        int64_t passed = now->wall_ns - trust->seen.wall_ns;
        if (near(now->wall_ns, trust->seen.wall_ns) && passed >= 0) {
            hold(trust, now, passed);
            trust->difference_ns = difference(now);
            return;
        }
        trust->known = false;
    }
    (void)clock_trust_look(trust, now);
}

bool clock_trust_holds(const struct clock_trust *trust)
{
    return trust->known && trust->held_ns >= CLOCK_TRUST_HOLD_NS;
}

/* ------------------------------------------------------------------ remembering */

static bool take_fields(struct clock_trust *trust, json_t *tree)
{
    json_int_t wall, steady, apart, held;
    const char *boot;
    if (json_unpack(tree, "{s:I,s:I,s:s,s:I,s:I}", "wall_ns", &wall, "steady_ns", &steady, "boot",
                    &boot, "difference_ns", &apart, "held_ns", &held) != 0 ||
        strlen(boot) > CLOCK_TRUST_BOOT_LEN || wall < 0 || steady < 0 || held < 0)
        return false;
    *trust = (struct clock_trust){
        .known = true,
        .seen = {.wall_ns = wall, .steady_ns = steady},
        .difference_ns = apart,
        .held_ns = held < CLOCK_TRUST_HOLD_NS ? held : CLOCK_TRUST_HOLD_NS,
    };
    snprintf(trust->seen.boot, sizeof trust->seen.boot, "%s", boot);
    return true;
}

void clock_trust_load(struct clock_trust *trust, const char *data_dir)
{
    char path[4096];
    *trust = (struct clock_trust){0};
    snprintf(path, sizeof path, "%s/live/clock", data_dir);
    json_t *tree = json_load_file(path, 0, NULL);
    if (!tree || !take_fields(trust, tree))
        *trust = (struct clock_trust){0};
    json_decref(tree);
}

enum status clock_trust_save(const struct clock_trust *trust, const char *data_dir,
                             struct error *err)
{
    char path[4096], text[256];
    snprintf(path, sizeof path, "%s/live/clock", data_dir);
    snprintf(text, sizeof text,
             "{\"wall_ns\":%lld,\"steady_ns\":%lld,\"boot\":\"%s\",\"difference_ns\":%lld,"
             "\"held_ns\":%lld}\n",
             (long long)trust->seen.wall_ns, (long long)trust->seen.steady_ns, trust->seen.boot,
             (long long)trust->difference_ns, (long long)trust->held_ns);
    return file_replace(path, span_text(text), 0640, err);
}
