/*
 * list.c - what the rewriting thread knows of the sealed files.
 *
 * Names and sizes come from retention's thread, in a list made for it; what is known of a file goes
 * over from the last one. Of a file that is new a header and the last four bytes are read, a few
 * files at a time: the one says whether it was rewritten, the others whether it has a footer. A
 * file that vanishes is met as such when it is opened.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/memory.h"
#include "lib/segment/layout.h"
#include "lib/upkeep/housekeeper_private.h"

#define LOOKS_A_STEP 64
#define AHEAD_MOST   (256u << 20) /* recompression that is less far away brings the footer */

/* ------------------------------------------------------------------ handing over */

struct housekeeper_list *housekeeper_list_make(const struct retention_listing *listing,
                                               const bool *soon)
{
    size_t count = 0, text = 0;
    for (size_t i = 0; i < listing->count; i++) {
        bool sealed = listing->files[i].state == RETENTION_SEALED;
        count += sealed;
        text += sealed ? strlen(listing->files[i].path) + 1 : 0;
    }
    struct housekeeper_list *list = memory_new(sizeof *list + count * sizeof list->files[0] + text);
    char *to = (char *)&list->files[count];
    for (size_t i = 0; i < listing->count; i++) {
        const struct retention_file *file = &listing->files[i];
        if (file->state != RETENTION_SEALED)
            continue;
        size_t len = strlen(file->path) + 1;
        list->files[list->count++] = (struct housekeeper_file){
            .number = file->number, .bytes = file->bytes, .path = to, .soon = soon[i]};
        memcpy(to, file->path, len);
        to += len;
    }
    return list;
}

static bool waits(const struct housekeeper_file *file)
{
    return file->mark == MARK_TODO && !file->soon;
}

static void count_work(struct housekeeper *housekeeper)
{
    const struct housekeeper_list *list = housekeeper->list;
    bool recompresses = housekeeper->settings.recompress_level > 0;
    uint64_t files = 0, bytes = 0, footless = 0;
    for (size_t i = 0; i < list->count; i++) {
        footless += list->files[i].footing == FOOTING_MISSING ||
                    list->files[i].footing == FOOTING_IMPOSSIBLE;
        if (!recompresses || !waits(&list->files[i]))
            continue;
        files++;
        bytes += list->files[i].bytes;
    }
    housekeeper->told.backlog_files = files;
    housekeeper->told.backlog_bytes = bytes;
    housekeeper->told.footers_missing = footless;
}

void housekeeper_list_take(struct housekeeper *housekeeper)
{
    struct housekeeper_list *old = housekeeper->list;
    struct housekeeper_list *list = atomic_exchange(&housekeeper->mailbox, NULL);
    if (!list)
        return;
    for (size_t i = 0, at = 0; old && i < list->count; i++) {
        struct housekeeper_file *file = &list->files[i];
        while (at < old->count && old->files[at].number < file->number)
            at++;
        if (at == old->count || strcmp(old->files[at].path, file->path) != 0)
            continue;
        file->mark = old->files[at].mark;
        file->footing = old->files[at].footing;
    }
    housekeeper->list = list;
    free(old);
    count_work(housekeeper);
}

/* ------------------------------------------------------------------ looking into files */

static enum housekeeper_footing footing_of(int fd)
{
    unsigned char bytes[4];
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)(SEGMENT_HEADER_BYTES + sizeof bytes) ||
        pread(fd, bytes, sizeof bytes, st.st_size - (off_t)sizeof bytes) != (ssize_t)sizeof bytes)
        return FOOTING_MISSING;
    return load_le32(bytes) == SEGMENT_SEEK_MAGIC ? FOOTING_THERE : FOOTING_MISSING;
}

static void look_into(const struct housekeeper *housekeeper, struct housekeeper_file *file)
{
    unsigned char bytes[SEGMENT_HEADER_BYTES];
    struct segment_head head;
    char path[8192];
    file->mark = MARK_SKIP;
    file->footing = FOOTING_IMPOSSIBLE;
    snprintf(path, sizeof path, "%s/%s", housekeeper->data_dir, file->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t got = pread(fd, bytes, sizeof bytes, 0);
    if (got == (ssize_t)sizeof bytes &&
        segment_header_decode(&head, bytes, sizeof bytes) == STATUS_OK) {
        file->mark = head.generation > 0 ? MARK_DONE : MARK_TODO;
        file->footing = footing_of(fd);
    }
    close(fd);
}

bool housekeeper_list_learn(struct housekeeper *housekeeper)
{
    struct housekeeper_list *list = housekeeper->list;
    unsigned looks = 0;
    for (size_t i = list ? list->count : 0; i-- > 0 && looks < LOOKS_A_STEP;) {
        if (list->files[i].mark != MARK_UNKNOWN)
            continue;
        look_into(housekeeper, &list->files[i]);
        looks++;
    }
    if (looks)
        count_work(housekeeper);
    return looks > 0;
}

void housekeeper_list_mark(struct housekeeper *housekeeper, uint64_t number,
                           enum housekeeper_mark mark)
{
    for (size_t i = 0; i < housekeeper->list->count; i++)
        if (housekeeper->list->files[i].number == number)
            housekeeper->list->files[i].mark = mark;
    count_work(housekeeper);
}

void housekeeper_list_foot(struct housekeeper *housekeeper, uint64_t number,
                           enum housekeeper_footing footing)
{
    for (size_t i = 0; i < housekeeper->list->count; i++)
        if (housekeeper->list->files[i].number == number)
            housekeeper->list->files[i].footing = footing;
    count_work(housekeeper);
}

/* ------------------------------------------------------------------ choosing */

const struct housekeeper_file *housekeeper_list_to_recompress(const struct housekeeper *housekeeper)
{
    const struct housekeeper_list *list = housekeeper->list;
    if (!list || housekeeper->settings.recompress_level == 0)
        return NULL;
    for (size_t i = list->count; i-- > 0;)
        if (waits(&list->files[i]))
            return &list->files[i];
    return NULL;
}

const struct housekeeper_file *housekeeper_list_to_foot(const struct housekeeper *housekeeper)
{
    const struct housekeeper_list *list = housekeeper->list;
    bool recompresses = housekeeper->settings.recompress_level > 0;
    uint64_t ahead = 0; /* to be recompressed before it */
    for (size_t i = list ? list->count : 0; i-- > 0;) {
        const struct housekeeper_file *file = &list->files[i];
        bool rewritten = recompresses && waits(file);
        ahead += rewritten ? file->bytes : 0;
        if (file->footing == FOOTING_MISSING && !file->soon && (!rewritten || ahead > AHEAD_MOST))
            return file;
    }
    return NULL;
}
