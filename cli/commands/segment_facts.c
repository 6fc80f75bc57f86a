/* See segment_facts.h. How it can fail: the file is gone, cannot be read, or is no segment. */
#include "cli/commands/segment_facts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"
#include "lib/segment/writer.h"

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* The footer, or what can be gathered instead. */
static enum status load(struct segment_facts *facts, bool thorough, struct error *err)
{
    unsigned parts = thorough ? SEGMENT_FOOTER_ALL : SEGMENT_FOOTER_TOTALS;
    enum status status = facts->open ? STATUS_NOT_FOUND
                                     : segment_footer_open(&facts->footer, facts->path, parts, err);

    facts->counted = status == STATUS_OK || thorough;
    if (status == STATUS_NOT_FOUND)
        status = segment_footer_rebuild(&facts->footer, facts->path, parts, &facts->damage, err);
    return status;
}

static enum status find_size(struct segment_facts *facts, struct error *err)
{
    struct stat file;

    if (stat(facts->path, &file) != 0)
        return error_errno(err, errno, "%s", facts->path);
    if (!S_ISREG(file.st_mode))
        return error_set(err, STATUS_INVALID, "%s: not a file", facts->path);
    facts->bytes = (uint64_t)file.st_size;
    return STATUS_OK;
}

enum status segment_facts_read(struct segment_facts *out, const char *path, bool thorough,
                               struct error *err)
{
    enum status status;

    *out = (struct segment_facts){.path = memory_text(path), .open = ends_with(path, SEGMENT_OPEN)};
    status = find_size(out, err);
    if (status == STATUS_NOT_FOUND && out->open) {
        out->path[strlen(path) - strlen(SEGMENT_OPEN)] = '\0';
        out->open = false;
        status = find_size(out, err);
    }
    if (status == STATUS_OK)
        status = load(out, thorough, err);
    if (status != STATUS_OK)
        segment_facts_close(out);
    return status;
}

void segment_facts_close(struct segment_facts *facts)
{
    if (facts->footer != NULL)
        segment_footer_close(facts->footer);
    free(facts->path);
    *facts = (struct segment_facts){.path = NULL};
}
