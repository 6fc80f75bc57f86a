/*
 * proxy_header.c - see proxy_header.h. Fails only by saying that the bytes are no PROXY header.
 */
#include "recorder/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ------------------------------------------------------------------ version 1 */

static bool address_from_text(struct sockaddr_storage *out, int family, const char *host,
                              const char *port)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    if (!*port || *end || number > 65535)
        return false;
    memset(out, 0, sizeof *out);
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)number);
        return inet_pton(AF_INET, host, &in->sin_addr) == 1;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)number);
    return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
}

static enum status parse_v1_line(struct proxy_header *out, char *line, struct error *err)
{
    char *fields[6] = {0}, *rest = line;
    size_t count = 0;
    while (count < 6 && rest)
        fields[count++] = strsep(&rest, " ");
    if (count >= 2 && strcmp(fields[1], "UNKNOWN") == 0) {
        out->local = true;
        return STATUS_OK;
    }
    int family = count < 2                        ? AF_UNSPEC
                 : strcmp(fields[1], "TCP4") == 0 ? AF_INET
                 : strcmp(fields[1], "TCP6") == 0 ? AF_INET6
                                                  : AF_UNSPEC;
    if (count == 6 && !rest && family != AF_UNSPEC &&
        address_from_text(&out->source, family, fields[2], fields[4]) &&
        address_from_text(&out->destination, family, fields[3], fields[5]))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID,
                     "PROXY header of version 1: expected TCP4 or TCP6, two addresses, two ports");
}

static enum status parse_v1(struct proxy_header *out, const char *data, size_t len,
                            struct error *err)
{
    char line[108];
    const char *end = memchr(data, '\n', len < 107 ? len : 107);
    if (!end)
        return len < 107 ? STATUS_END
                         : error_set(err, STATUS_INVALID,
                                     "PROXY header of version 1: no line end in 107 bytes");
    size_t line_len = (size_t)(end - data);
    if (line_len == 0 || data[line_len - 1] != '\r')
        return error_set(err, STATUS_INVALID, "PROXY header of version 1: no CR before its LF");
    out->len = line_len + 1;
    memcpy(line, data, line_len - 1);
    line[line_len - 1] = '\0';
    return parse_v1_line(out, line, err);
}

/* ------------------------------------------------------------------ version 2 */

static void v2_address(struct sockaddr_storage *out, int family, const char *host, const char *port)
{
    memset(out, 0, sizeof *out);
    out->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        memcpy(&in->sin_addr, host, 4);
        memcpy(&in->sin_port, port, 2);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        memcpy(&in6->sin6_addr, host, 16);
        memcpy(&in6->sin6_port, port, 2);
    }
}

static enum status parse_v2(struct proxy_header *out, const char *data, size_t len,
                            struct error *err)
{
    if (len < 16)
        return STATUS_END;
    unsigned version = (unsigned char)data[12] >> 4, command = (unsigned char)data[12] & 15;
    unsigned family = (unsigned char)data[13];
    size_t body = (size_t)(unsigned char)data[14] << 8 | (unsigned char)data[15];
    size_t address = family == 0x11 ? 4 : family == 0x21 ? 16 : 0;
    if (version != 2 || command > 1 || 16 + body > PROXY_HEADER_MAX)
        return error_set(err, STATUS_INVALID,
                         "PROXY header of version 2: version %u, command %u, %zu bytes", version,
                         command, 16 + body);
    if (len < 16 + body)
        return STATUS_END;
    out->len = 16 + body;
    out->local = command == 0 || address == 0;
    if (out->local)
        return STATUS_OK;
    if (body < 2 * address + 4)
        return error_set(err, STATUS_INVALID, "PROXY header of version 2: addresses cut short");
    int domain = address == 4 ? AF_INET : AF_INET6;
    const char *ports = data + 16 + 2 * address;
    v2_address(&out->source, domain, data + 16, ports);
    v2_address(&out->destination, domain, data + 16 + address, ports + 2);
    return STATUS_OK;
}

static bool begins_like(const char *data, size_t len, const char *signature, size_t signature_len)
{
    return memcmp(data, signature, len < signature_len ? len : signature_len) == 0;
}

enum status proxy_header_parse(struct proxy_header *out, const char *data, size_t len,
                               struct error *err)
{
    *out = (struct proxy_header){0};
    if (begins_like(data, len, v2_signature, sizeof v2_signature))
        return len < sizeof v2_signature ? STATUS_END : parse_v2(out, data, len, err);
    if (begins_like(data, len, "PROXY ", 6))
        return len < 6 ? STATUS_END : parse_v1(out, data, len, err);
    return error_set(err, STATUS_INVALID,
                     "expected a PROXY header (PROXY_PROTOCOL_IN is on), got other bytes");
}

/* ------------------------------------------------------------------ writing */

static const void *address_part(const struct sockaddr_storage *address, unsigned *port)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        *port = in->sin_port;
        return &in->sin_addr;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    *port = in6->sin6_port;
    return &in6->sin6_addr;
}

static size_t format_v1(char *out, int family, const void *const hosts[2], const unsigned ports[2])
{
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    inet_ntop(family, hosts[0], source, sizeof source);
    inet_ntop(family, hosts[1], destination, sizeof destination);
    int len = snprintf(out, PROXY_HEADER_MAX, "PROXY %s %s %s %u %u\r\n",
                       family == AF_INET ? "TCP4" : "TCP6", source, destination,
                       ntohs((uint16_t)ports[0]), ntohs((uint16_t)ports[1]));
    return (size_t)len;
}

static size_t format_v2(char *out, int family, const void *const hosts[2], const unsigned ports[2])
{
    size_t address = family == AF_INET ? 4 : 16;
    memcpy(out, v2_signature, sizeof v2_signature);
    out[12] = 0x21;
    out[13] = family == AF_INET ? 0x11 : 0x21;
    out[14] = 0;
    out[15] = (char)(2 * address + 4);
    memcpy(out + 16, hosts[0], address);
    memcpy(out + 16 + address, hosts[1], address);
    for (size_t i = 0; i < 2; i++) {
        uint16_t port = (uint16_t)ports[i];
        memcpy(out + 16 + 2 * address + 2 * i, &port, 2);
    }
    return 16 + 2 * address + 4;
}

size_t proxy_header_format(char out[PROXY_HEADER_MAX], int version,
                           const struct sockaddr_storage *source,
                           const struct sockaddr_storage *destination)
{
    int family = source->ss_family;
    if (family != destination->ss_family || (family != AF_INET && family != AF_INET6)) {
        if (version == 1)
            return (size_t)snprintf(out, PROXY_HEADER_MAX, "PROXY UNKNOWN\r\n");
        memcpy(out, v2_signature, sizeof v2_signature);
        memcpy(out + 12, "\x20\0\0\0", 4);
        return 16;
    }
    unsigned ports[2];
    const void *hosts[2] = {address_part(source, &ports[0]), address_part(destination, &ports[1])};
    return version == 1 ? format_v1(out, family, hosts, ports)
                        : format_v2(out, family, hosts, ports);
}
