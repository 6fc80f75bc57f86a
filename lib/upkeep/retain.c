/*
 * retain.c - retention as the housekeeper does it: when to look, and what follows.
 *
 * Every second a look at what is cheap: both clocks, the disk's room, the size of the file being
 * written. A scan of all files when one of these asks for it, and else every few seconds, seldom
 * enough that it costs half a percent of the time. A failed scan or removal is logged and tried
 * again with the next scan; a file that is gone already is what was wanted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/upkeep/housekeeper_private.h"

#define LOOK_NS       (1 * NS_PER_S)
#define SCAN_LEAST_NS (2 * NS_PER_S)
#define SCAN_MOST_NS  (120 * NS_PER_S)
#define SCAN_SHARE    200 /* a scan takes at most this part of the time */
#define DAY_NS        (86400 * NS_PER_S)
#define LOGS_A_MINUTE 1

/* ------------------------------------------------------------------ looking */

static void look_at_clock(struct housekeeper *housekeeper)
{
    struct clock_moment now = clock_moment_now();
    struct clock_trust *trust = &housekeeper->trust;
    bool wanted = housekeeper->settings.limits.age_ns > 0;
    bool before = clock_trust_holds(trust);
    housekeeper->wall_ns = now.wall_ns;
    if (clock_trust_look(trust, &now) && wanted)
        log_warn("retention: the clock was set by more than an hour; nothing is removed for its "
                 "age until it has held for a day");
    bool holds = clock_trust_holds(trust);
    if (wanted && holds && !before)
        log_info("retention: the clock has held for a day: age counts again");
    if (holds != before)
        housekeeper->save_at = 0;
    housekeeper->told.age_paused = wanted && !holds;
    housekeeper->told.age_pause_seconds =
        wanted ? (CLOCK_TRUST_HOLD_NS - trust->held_ns) / NS_PER_S : 0;
}

/* Keeps what is said of a room that cannot be asked for. */
static void ask_room(struct housekeeper *housekeeper)
{
    uint64_t free_bytes, total_bytes, wanted = housekeeper->settings.limits.min_free_bytes;
    struct error err;
    if (retention_room(housekeeper->data_dir, &free_bytes, &total_bytes, &err) != STATUS_OK) {
        log_debug("retention: %s", err.text);
        return;
    }
    uint64_t most = total_bytes / 2;
    if (wanted > most && housekeeper->told.min_free_bytes != most)
        log_warn("retention: MIN_FREE_BYTES is more than half of the disk; %" PRIu64
                 " bytes are kept free",
                 most);
    housekeeper->told.free_bytes = free_bytes;
    housekeeper->told.min_free_bytes = wanted < most ? wanted : most;
}

static bool room_is_short(const struct housekeeper *housekeeper)
{
    return housekeeper->told.free_bytes < housekeeper->told.min_free_bytes;
}

/* The temporary file of a rewriting gives its room back at once, whenever its thread gets to know.
 */
static void revoke_rewriting(struct housekeeper *housekeeper)
{
    const struct retention_listing *listing = &housekeeper->listing;
    uint64_t number = housekeeper_claim_number(&housekeeper->claim);
    if (!number || !housekeeper_claim_revoke(&housekeeper->claim, number))
        return;
    for (size_t i = 0; i < listing->count; i++) {
        char path[8192];
        if (listing->files[i].number != number || listing->files[i].state != RETENTION_SEALED)
            continue;
        snprintf(path, sizeof path, "%s/%s%s", housekeeper->data_dir, listing->files[i].path,
                 RECOMPRESS_SUFFIX);
        if (truncate(path, 0) == 0)
            (void)unlink(path);
    }
}

/* True when the disk has too little. A second file of our own goes before anything else. */
static bool look_at_room(struct housekeeper *housekeeper)
{
    ask_room(housekeeper);
    if (room_is_short(housekeeper) && housekeeper_claim_number(&housekeeper->claim)) {
        revoke_rewriting(housekeeper);
        ask_room(housekeeper);
    }
    return room_is_short(housekeeper);
}

/* True when the file being written has ended, or has grown beyond the limit. */
static bool look_at_growth(struct housekeeper *housekeeper)
{
    const struct retention_listing *listing = &housekeeper->listing;
    uint64_t limit = housekeeper->settings.limits.bytes;
    for (size_t i = listing->count; i-- > 0;) {
        char path[8192];
        struct stat st;
        if (listing->files[i].state != RETENTION_WRITING)
            continue;
        snprintf(path, sizeof path, "%s/%s", housekeeper->data_dir, listing->files[i].path);
        if (stat(path, &st) != 0)
            return true;
        uint64_t bytes = listing->bytes - listing->files[i].bytes + (uint64_t)st.st_size;
        housekeeper->told.bytes = bytes;
        return limit && bytes > limit;
    }
    return false;
}

/* ------------------------------------------------------------------ removing */

static struct retention_limits limits_of(const struct housekeeper *housekeeper)
{
    struct retention_limits limits = housekeeper->settings.limits;
    limits.min_free_bytes = housekeeper->told.min_free_bytes;
    return limits;
}

static struct retention_view view_of(const struct housekeeper *housekeeper)
{
    return (struct retention_view){
        .now_ns = housekeeper->wall_ns,
        .clock_trusted = clock_trust_holds(&housekeeper->trust),
        .free_bytes = housekeeper->told.free_bytes,
    };
}

/* False when it has to wait for the next time. */
static bool remove_file(struct housekeeper *housekeeper, const struct retention_file *file,
                        const char *why)
{
    struct error err;
    if (!housekeeper_claim_remove(&housekeeper->claim, file->number))
        return false;
    enum status status = retention_remove(housekeeper->data_dir, file, housekeeper->wall_ns, &err);
    housekeeper_claim_removed(&housekeeper->claim);
    if (status == STATUS_NOT_FOUND)
        return true;
    if (status != STATUS_OK) {
        log_error("retention: %s", err.text);
        return true;
    }
    /* The analyser takes a path that has moved down in the list for one that was freed. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    log_info("retention: removed %s, %" PRIu64 " bytes (%s)", file->path, file->bytes, why);
    housekeeper->told.removed_files++;
    housekeeper->told.removed_bytes += file->bytes;
    return true;
}

/* Removes what the plan says and takes it out of the listing. */
static void remove_all(struct housekeeper *housekeeper, const enum retention_verdict *verdicts)
{
    struct retention_listing *listing = &housekeeper->listing;
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct retention_file *file = &listing->files[i];
        if (verdicts[i] == RETENTION_KEEP || housekeeper->stop ||
            !remove_file(housekeeper, file, retention_setting(verdicts[i]))) {
            listing->files[kept++] = *file;
            continue;
        }
        listing->bytes -= file->bytes;
        free(file->path);
    }
    listing->count = kept;
}

static void tell_outcome(struct housekeeper *housekeeper, const struct retention_outcome *outcome)
{
    housekeeper->told.files = housekeeper->listing.count;
    housekeeper->told.bytes = housekeeper->listing.bytes;
    housekeeper->told.bytes_exceeded = outcome->bytes_exceeded;
    housekeeper->told.room_missing = outcome->room_missing;
    if (outcome->room_missing && log_limit_pass(&housekeeper->room_log, LOGS_A_MINUTE))
        log_warn("retention: the disk has less room than MIN_FREE_BYTES, and no segment is left "
                 "to remove");
}

/* ------------------------------------------------------------------ scanning */

static bool is_temporary(const struct retention_file *file)
{
    size_t len = strlen(file->path), suffix = strlen(RECOMPRESS_SUFFIX);
    return file->state == RETENTION_LEFTOVER && len >= suffix &&
           strcmp(file->path + len - suffix, RECOMPRESS_SUFFIX) == 0;
}

/* Temporary files of a rewriting don't count. Those that the first listing finds are of a run that
 * was killed, since nothing is rewritten before a list was handed over; the thread itself removes
 * its later ones. */
static void drop_temporary(struct housekeeper *housekeeper, struct retention_listing *listing)
{
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct retention_file *file = &listing->files[i];
        struct error err;
        if (!is_temporary(file)) {
            listing->files[kept++] = *file;
            continue;
        }
        if (!housekeeper->tidied &&
            retention_remove(housekeeper->data_dir, file, housekeeper->wall_ns, &err) != STATUS_OK)
            log_warn("recompression: %s", err.text);
        listing->bytes -= file->bytes;
        free(file->path);
    }
    listing->count = kept;
    housekeeper->tidied = true;
}

/* Bytes that were recorded within the last day: the next one may bring as much. */
static uint64_t growth_of_a_day(const struct housekeeper *housekeeper)
{
    const struct retention_listing *listing = &housekeeper->listing;
    uint64_t bytes = 0;
    for (size_t i = 0; i < listing->count; i++)
        if (listing->files[i].last_ns > housekeeper->wall_ns - DAY_NS)
            bytes += listing->files[i].bytes;
    return bytes;
}

/* Hands the other thread a list, with what the limits will take within a day marked. */
static void hand_over(struct housekeeper *housekeeper, enum retention_verdict *verdicts)
{
    const struct retention_listing *listing = &housekeeper->listing;
    struct retention_limits limits = limits_of(housekeeper);
    struct retention_view view = view_of(housekeeper);
    bool *soon = memory_new(listing->count + 1);
    view.now_ns += DAY_NS;
    view.growth_bytes = growth_of_a_day(housekeeper);
    (void)retention_plan(listing->files, listing->count, &limits, &view, verdicts);
    for (size_t i = 0; i < listing->count; i++)
        soon[i] = verdicts[i] != RETENTION_KEEP;
    free(atomic_exchange(&housekeeper->mailbox, housekeeper_list_make(listing, soon)));
    free(soon);
}

static void take_listing(struct housekeeper *housekeeper, const struct retention_listing *fresh)
{
    enum retention_verdict *verdicts = memory_new((fresh->count + 1) * sizeof *verdicts);
    struct retention_limits limits = limits_of(housekeeper);
    struct retention_view view = view_of(housekeeper);
    retention_listing_free(&housekeeper->listing);
    housekeeper->listing = *fresh;
    struct retention_outcome outcome =
        retention_plan(fresh->files, fresh->count, &limits, &view, verdicts);
    if (outcome.count)
        remove_all(housekeeper, verdicts);
    tell_outcome(housekeeper, &outcome);
    hand_over(housekeeper, verdicts);
    free(verdicts);
}

static void scan(struct housekeeper *housekeeper)
{
    struct retention_listing fresh;
    struct error err;
    int64_t begun = clock_mono_ns();
    if (retention_list(&fresh, housekeeper->data_dir, housekeeper->wall_ns, &err) != STATUS_OK) {
        log_warn("retention: %s", err.text);
        housekeeper->scan_at = begun + SCAN_MOST_NS;
        return;
    }
    drop_temporary(housekeeper, &fresh);
    take_listing(housekeeper, &fresh);
    int64_t ended = clock_mono_ns(), rest = SCAN_SHARE * (ended - begun);
    rest = rest < SCAN_LEAST_NS ? SCAN_LEAST_NS : rest;
    housekeeper->scan_at = ended + (rest < SCAN_MOST_NS ? rest : SCAN_MOST_NS);
}

void housekeeper_retain(struct housekeeper *housekeeper, int64_t mono_ns)
{
    bool first = housekeeper->look_at == 0;
    housekeeper->look_at = mono_ns + LOOK_NS;
    look_at_clock(housekeeper);
    if (first && housekeeper->told.age_paused)
        log_info("retention: the clock is not known well enough; nothing is removed for its age "
                 "until it has held for another %" PRId64 " s",
                 (int64_t)housekeeper->told.age_pause_seconds);
    bool asked = look_at_room(housekeeper);
    asked = look_at_growth(housekeeper) || asked;
    bool stuck = housekeeper->told.room_missing || housekeeper->told.bytes_exceeded;
    if (mono_ns >= housekeeper->scan_at || (asked && !stuck))
        scan(housekeeper);
}
