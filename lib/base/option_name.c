/*
 * option_name.c - likeness is the Damerau-Levenshtein distance (restricted form): inserted,
 * missing, wrong and swapped characters, each counting one. Names longer than any in the table are
 * like none.
 */
#include "lib/base/option_name.h"

#include <string.h>

#define NAME_MAX_LEN 40
#define LIKE_AT_MOST 3

size_t option_find(struct span name)
{
    size_t i = 0;

    while (i < option_count && !span_equal_text(name, option_table[i].name))
        i++;
    return i;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static bool same(struct span a, size_t i, struct span b, size_t j)
{
    return upper(a.data[i]) == upper(b.data[j]);
}

/* Both no longer than NAME_MAX_LEN. cost[i][j]: from the first i characters to the first j. */
static unsigned distance(struct span a, struct span b)
{
    unsigned cost[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];

    for (size_t i = 0; i <= a.len; i++)
        cost[i][0] = (unsigned)i;
    for (size_t j = 0; j <= b.len; j++)
        cost[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            unsigned here = cost[i - 1][j - 1] + (same(a, i - 1, b, j - 1) ? 0 : 1);

            here = least(here, least(cost[i - 1][j], cost[i][j - 1]) + 1);
            if (i > 1 && j > 1 && same(a, i - 1, b, j - 2) && same(a, i - 2, b, j - 1))
                here = least(here, cost[i - 2][j - 2] + 1);
            cost[i][j] = here;
        }
    }
    return cost[a.len][b.len];
}

size_t option_nearest(struct span name)
{
    size_t nearest = option_count;
    unsigned least_so_far = LIKE_AT_MOST + 1;

    if (name.len > NAME_MAX_LEN)
        return option_count;
    for (size_t i = 0; i < option_count; i++) {
        struct span candidate = span_text(option_table[i].name);
        unsigned now;

        if (candidate.len > name.len + LIKE_AT_MOST || name.len > candidate.len + LIKE_AT_MOST)
            continue; /* the difference of lengths is the least distance there can be */
        now = distance(name, candidate);
        if (now < least_so_far && now < name.len) {
            least_so_far = now;
            nearest = i;
        }
    }
    return nearest;
}

void option_append_flag(struct buffer *out, const char *name)
{
    for (; *name != '\0'; name++) {
        char c = *name;

        buffer_append_char(out, c == '_' ? '-' : (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
}

const char *option_section(const struct option_row *row)
{
    static const struct {
        enum option_group group;
        const char *title;
    } sections[] = {
        {GROUP_COMMON, "Every program"}, {GROUP_RECORDER, "Recorder"},
        {GROUP_API, "API and web UI"},   {GROUP_NOSTR, "Nostr"},
        {GROUP_AGENT, "Agent"},          {GROUP_ARCHIVE, "Archive"},
    };

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if ((row->groups & sections[i].group) != 0)
            return sections[i].title;
    }
    return "Other";
}
