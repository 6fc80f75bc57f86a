/*
 * How it works: argp's own table is built from ours, the key of each flag being its place in the
 * table above KEY_BASE; the parser reads the value by the row's type.
 */
#include "lib/base/flags.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define KEY_BASE 0x10000

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, text, len) == 0 && (at[len] == '|' || at[len] == '\0'))
            return true;
    }
    return false;
}

static double read_number(const struct flag *flag, const char *text, struct argp_state *state)
{
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= flag->minimum && value <= flag->maximum))
        argp_error(state, "--%s %s: expected a number from %.10g to %.10g", flag->name, text,
                   flag->minimum, flag->maximum);
    return value;
}

static int64_t read_integer(const struct flag *flag, const char *text, struct argp_state *state)
{
    char *end = NULL;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || (double)value < flag->minimum ||
        (double)value > flag->maximum)
        argp_error(state, "--%s %s: expected a whole number from %.0f to %.0f", flag->name, text,
                   flag->minimum, flag->maximum);
    return value;
}

static uint32_t read_hex(const struct flag *flag, const char *text, struct argp_state *state)
{
    size_t len = strspn(text, "0123456789abcdefABCDEF");

    if (len == 0 || len > 8 || text[len] != '\0')
        argp_error(state, "--%s %s: expected up to eight hexadecimal digits", flag->name, text);
    return (uint32_t)strtoul(text, NULL, 16);
}

static void store(const struct flag *flag, char *field, char *text, struct argp_state *state)
{
    switch (flag->type) {
    case FLAG_SWITCH:
        *(bool *)(void *)field = true;
        break;
    case FLAG_CHOICE:
        if (!is_choice(flag->choices, text))
            argp_error(state, "--%s %s: expected one of %s", flag->name, text, flag->choices);
        *(const char **)(void *)field = text;
        break;
    case FLAG_TEXT:
        *(const char **)(void *)field = text;
        break;
    case FLAG_NUMBER:
        *(double *)(void *)field = read_number(flag, text, state);
        break;
    case FLAG_INTEGER:
        *(int64_t *)(void *)field = read_integer(flag, text, state);
        break;
    case FLAG_SECONDS:
        *(int64_t *)(void *)field = llround(read_number(flag, text, state) * 1000);
        break;
    case FLAG_HEX:
        *(uint32_t *)(void *)field = read_hex(flag, text, state);
        break;
    }
}

static const struct flag *find_flag(const struct flag_set *set, int key)
{
    if (key >= KEY_BASE)
        return key < KEY_BASE + (int)set->count ? &set->flags[key - KEY_BASE] : NULL;
    for (size_t i = 0; i < set->count; i++) {
        if (key > 0 && set->flags[i].letter == key)
            return &set->flags[i];
    }
    return NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct flag_set *set = state->input;
    const struct flag *flag;

    if (key == ARGP_KEY_ARG && set->argument != NULL)
        return set->argument(set->target, text) ? 0 : ARGP_ERR_UNKNOWN;
    flag = find_flag(set, key);
    if (flag == NULL)
        return ARGP_ERR_UNKNOWN;
    store(flag, (char *)set->target + flag->offset, text, state);
    return 0;
}

struct argp flag_set_argp(struct flag_set *set, const char *args_doc, const char *doc)
{
    int group = 0;

    set->options = memory_new((set->count + 1) * sizeof(*set->options));
    for (size_t i = 0; i < set->count; i++) {
        const struct flag *flag = &set->flags[i];
        struct argp_option *option = &set->options[i];

        if (flag->name == NULL) { /* a heading opens a new group */
            *option = (struct argp_option){.doc = flag->help, .group = ++group};
            continue;
        }
        *option = (struct argp_option){.name = flag->name,
                                       .key = flag->letter != 0 ? flag->letter : KEY_BASE + (int)i,
                                       .arg = flag->type == FLAG_SWITCH ? NULL : flag->placeholder,
                                       .doc = flag->help,
                                       .group = group};
    }
    return (struct argp){
        .options = set->options, .parser = parse, .args_doc = args_doc, .doc = doc};
}

void flag_set_close(struct flag_set *set)
{
    free(set->options);
    set->options = NULL;
}
