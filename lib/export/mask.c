/*
 * mask.c - which of three ways a message goes: as it is, masked, or withheld. Nothing can fail:
 * what is not understood is withheld.
 */
#include "lib/export/mask.h"

#include <ctype.h>
#include <string.h>

#include "lib/export/mask_text.h"
#include "lib/stratum/scan.h"

void masker_close(struct masker *masker)
{
    buffer_close(&masker->bytes);
    buffer_close(&masker->line);
    buffer_close(&masker->plain);
}

static bool goes_to_pool(const struct segment_line *line)
{
    return line->direction == DIRECTION_MINER_TO_POOL ||
           line->direction == DIRECTION_HASHSCOPE_TO_POOL;
}

/* A record of TLS: type, version 3.x. */
static bool is_tls(struct span bytes)
{
    return bytes.len >= 3 && bytes.data[0] >= 0x14 && bytes.data[0] <= 0x17 && bytes.data[1] == 3 &&
           bytes.data[2] >= 0 && bytes.data[2] <= 4;
}

/* What may be the middle of a login that is not told by itself. */
static bool is_piece(const struct segment_line *line, struct span message)
{
    if (!goes_to_pool(line))
        return false;
    if (line->is_fragment)
        return true;
    return span_equal_text(line->why, stratum_fault_text(STRATUM_FAULT_OPAQUE)) && !is_tls(message);
}

/* White space away, and the mark that some put in front of UTF-8. */
static struct span trim(struct span text)
{
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = span_make(text.data + 3, text.len - 3);
    while (text.len > 0 && (unsigned char)text.data[0] <= ' ')
        text = span_make(text.data + 1, text.len - 1);
    while (text.len > 0 && (unsigned char)text.data[text.len - 1] <= ' ')
        text.len--;
    return text;
}

static bool is_space(char c)
{
    return (unsigned char)c <= ' ';
}

/* Of a name, or of a value without quotes; not the signs of other languages' statements. */
static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("_$.+-\\", c) != NULL);
}

/* Is there a member of that name, with quotes of some kind or without? */
static bool has_member(struct span text, const char *name)
{
    size_t len = strlen(name);
    const char *end = text.data + text.len, *at = text.data;
    while ((at = memmem(at, (size_t)(end - at), name, len)) != NULL) {
        bool begins = at == text.data || !is_word(at[-1]);
        at += len;
        const char *behind = at;
        behind += behind < end && (*behind == '"' || *behind == '\'');
        while (behind < end && is_space(*behind))
            behind++;
        if (begins && behind < end && *behind == ':')
            return true;
    }
    return false;
}

/* A message, some of them, or a batch: brackets around members that messages have, or around what
 * speaks of a login. */
static bool is_whole(struct span message, bool speaks)
{
    struct span text = trim(message);
    if (text.len < 2 || (text.data[0] != '{' && text.data[0] != '['))
        return false;
    char last = text.data[text.len - 1];
    if (last != '}' && last != ']')
        return false;
    return speaks || has_member(text, "method") ||
           (has_member(text, "id") && (has_member(text, "result") || has_member(text, "error")));
}

/* Words without quotes, with commas and colons between them; lenient readers leave out control
 * characters. */
static bool is_list_of_words(struct span text)
{
    bool word = false, gap = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            gap = true;
        } else if (is_word(c) || is_space(c)) {
            if (word && gap)
                return false;
            word = true;
            gap = false;
        } else if (c == ',' || c == ':') {
            word = false;
        } else {
            return false;
        }
    }
    return true;
}

/* What may be one line of a login that stands on several: to a reader of JSON streams line ends are
 * white space. Text without quotes and brackets (an HTTP request, say) is none, nor are brackets
 * around nothing, nor TLS; numbers are, and words that stand alone or in a list. */
static bool is_part(const struct segment_line *line, struct span message, bool speaks)
{
    bool marked = false, others = false, values = false;
    if (!goes_to_pool(line) || is_tls(message) || is_whole(message, speaks))
        return false;
    for (size_t i = 0; i < message.len; i++) {
        char c = message.data[i];
        marked |= c != '\0' && strchr("\"'`{}[]", c) != NULL;
        values |= c == '"' || c == '\'' || isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
        others |= c == '\0' || strchr("0123456789+-.eE, \t\r", c) == NULL;
    }
    return values && (marked || !others || is_list_of_words(message));
}

/* What stands in an archive's line as JSON has to stay JSON. */
static void withhold(const struct segment_line *line, struct buffer *bytes)
{
    static const char notice[] = MASK_WITHHELD;
    if (line->msg.data != NULL) {
        mask_all(bytes->data, bytes->data + bytes->len);
        return;
    }
    memset(bytes->data, 'x', bytes->len);
    if (bytes->len >= sizeof notice - 1)
        memcpy(bytes->data, notice, sizeof notice - 1);
}

struct span mask_message(struct masker *masker, const struct segment_line *line,
                         struct span message)
{
    if (message.len == 0)
        return message;
    bool piece = is_piece(line, message);
    bool speaks = !piece && mask_speaks_of(message, &masker->plain) != 0;
    bool part = !piece && is_part(line, message, speaks);
    struct buffer *bytes = &masker->bytes;
    if (!piece && !part && !speaks)
        return message;
    buffer_clear(bytes);
    buffer_append(bytes, message.data, message.len);
    bool alone = !piece || (line->is_fragment && line->fragment == 0);
    if (part || !alone || !mask_json(bytes->data, bytes->len, &masker->plain))
        withhold(line, bytes);
    return span_make(bytes->data, bytes->len);
}

/* ---- whole lines ---- */

static struct span replace(struct masker *masker, const struct segment_line *line, struct span old,
                           struct span new)
{
    struct buffer *out = &masker->line;
    size_t before = (size_t)(old.data - line->text.data);
    buffer_clear(out);
    buffer_append(out, line->text.data, before);
    buffer_append(out, new.data, new.len);
    buffer_append(out, old.data + old.len, line->text.len - before - old.len);
    return span_make(out->data, out->len);
}

static struct span mask_base64(struct masker *masker, const struct segment_line *line)
{
    struct buffer decoded = {NULL, 0, 0}, encoded = {NULL, 0, 0};
    struct span base64 = line->bytes_b64, text = line->text;
    char *room = buffer_reserve(&decoded, base64.len + 4);
    if (base64_decode(room, &decoded.len, base64.data, base64.len)) {
        struct span message = span_make(room, decoded.len);
        struct span masked = mask_message(masker, line, message);
        if (masked.data != message.data) {
            buffer_append_base64(&encoded, masked.data, masked.len);
            text = replace(masker, line, base64, span_make(encoded.data, encoded.len));
        }
    }
    buffer_close(&decoded);
    buffer_close(&encoded);
    return text;
}

/* An event may repeat a request: its subscription. */
static struct span mask_event(struct masker *masker, struct span text)
{
    struct buffer *out = &masker->line;
    if ((mask_speaks_of(text, &masker->plain) & MASK_PASSWORD) == 0)
        return text;
    buffer_clear(out);
    buffer_append(out, text.data, text.len);
    (void)mask_json(out->data, out->len, &masker->plain); /* a line of ours is JSON */
    return span_make(out->data, out->len);
}

struct span mask_line(struct masker *masker, const struct segment_line *line)
{
    if (!line->is_message)
        return mask_event(masker, line->text);
    if (line->msg.data == NULL)
        return mask_base64(masker, line);
    struct span masked = mask_message(masker, line, line->msg);
    return masked.data == line->msg.data ? line->text : replace(masker, line, line->msg, masked);
}
