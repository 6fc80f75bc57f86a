/* See mask.h. Nothing can fail: what does not look like a password stays. */
#include "lib/export/mask.h"

#include <string.h>

#include "lib/capture/json_slice.h"
#include "lib/stratum/scan.h"

static bool find_password(struct span message, struct span *out)
{
    struct stratum_scan scan;
    struct span value;
    bool found = false;
    stratum_scan_line(&scan, message.data, message.len);
    if (scan.params.data == NULL)
        return false;
    if (scan.method == STRATUM_MINING_AUTHORIZE || scan.method == STRATUM_ETH_SUBMIT_LOGIN)
        found = json_element(scan.params, 1, &value);
    else if (scan.method == STRATUM_LOGIN)
        found = json_member(scan.params, "pass", &value);
    if (!found || !json_is_string(value))
        return false;
    *out = span_make(value.data + 1, value.len - 2);
    return true;
}

struct span mask_line(struct buffer *scratch, struct span line, struct span message)
{
    struct span password;
    if (message.data == NULL || !find_password(message, &password))
        return line;
    buffer_clear(scratch);
    buffer_append(scratch, line.data, line.len);
    memset(scratch->data + (password.data - line.data), 'x', password.len);
    return span_make(scratch->data, scratch->len);
}

struct span mask_passwords(struct buffer *scratch, struct span message)
{
    return mask_line(scratch, message, message);
}
