/*
 * packet.c - headers are written field by field in network order. Sums for the checksums are made
 * of the bytes as they lie in memory, eight at a time: the ones' complement sum does not mind the
 * order of bytes as long as the result is stored as it was loaded (RFC 1071, 2 (B)).
 *
 * Nothing can fail but the reading of an address.
 */
#include "lib/export/packet.h"

#include <arpa/inet.h>
#include <string.h>

#define WINDOW_SCALE 14
#define WINDOW       65535 /* times 2^14: as good as never full */
#define HOP_LIMIT    64
#define PROTOCOL_TCP 6
#define PAYLOAD_MAX  65495
#define ISN_SEED     UINT64_C(0x48617368536f7065) /* anything, but always the same */

/* ------------------------------------------------------------------ addresses */

static bool parse_port(struct span text, uint16_t *out)
{
    unsigned port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

bool packet_address_parse(struct packet_address *out, struct span text)
{
    char host[64];
    bool bracket = text.len > 0 && text.data[0] == '[';
    const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    *out = (struct packet_address){.v6 = bracket};
    if (!colon || (bracket && (colon - text.data < 3 || colon[-1] != ']')))
        return false;
    size_t len = (size_t)(colon - text.data) - (bracket ? 2 : 0);
    if (len >= sizeof host)
        return false;
    memcpy(host, text.data + (bracket ? 1 : 0), len);
    host[len] = '\0';
    host[strcspn(host, "%")] = '\0';
    return inet_pton(bracket ? AF_INET6 : AF_INET, host, out->ip) == 1 &&
           parse_port(span_make(colon + 1, text.len - (size_t)(colon + 1 - text.data)), &out->port);
}

static void map_to_v6(struct packet_address *address)
{
    if (address->v6)
        return;
    memcpy(address->ip + 12, address->ip, 4);
    memset(address->ip, 0, 10);
    memset(address->ip + 10, 0xff, 2);
    address->v6 = true;
}

/* ------------------------------------------------------------------ sums */

uint64_t packet_sum(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t word;
    for (; len >= 8; at += 8, len -= 8) {
        memcpy(&word, at, 8);
        sum += (word & UINT32_MAX) + (word >> 32);
    }
    if (len > 0) {
        word = 0;
        memcpy(&word, at, len);
        sum += (word & UINT32_MAX) + (word >> 32);
    }
    return sum;
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* ------------------------------------------------------------------ conversations */

static size_t ip_len(const struct packet_address *address)
{
    return address->v6 ? 16 : 4;
}

static uint32_t initial_number(const struct packet_address *from, const struct packet_address *to,
                               int64_t opened_us)
{
    uint8_t key[44] = {0};
    memcpy(key, from->ip, ip_len(from));
    memcpy(key + 16, to->ip, ip_len(to));
    store_le16(key + 32, from->port);
    store_le16(key + 34, to->port);
    store_le64(key + 36, (uint64_t)opened_us);
    return (uint32_t)hash_bytes(ISN_SEED, key, sizeof key);
}

void packet_flow_init(struct packet_flow *flow, const struct packet_address *connecting,
                      const struct packet_address *accepting, int64_t opened_us, unsigned mtu,
                      bool ethernet)
{
    *flow = (struct packet_flow){.end = {*connecting, *accepting}, .ethernet = ethernet};
    if (flow->end[0].v6 != flow->end[1].v6) {
        map_to_v6(&flow->end[0]);
        map_to_v6(&flow->end[1]);
    }
    unsigned headers =
        PACKET_TCP_HEADER + (flow->end[0].v6 ? PACKET_IPV6_HEADER : PACKET_IPV4_HEADER);
    unsigned most = mtu - headers;
    flow->payload_max = (uint16_t)(mtu >= UINT16_MAX || most > PAYLOAD_MAX ? PAYLOAD_MAX : most);
    uint16_t ports[2] = {htons(flow->end[0].port), htons(flow->end[1].port)};
    uint64_t sum = packet_sum(0, ports, sizeof ports) + htons(PROTOCOL_TCP);
    for (int end = 0; end < 2; end++) {
        flow->next[end] = initial_number(&flow->end[end], &flow->end[1 - end], opened_us);
        flow->seen[end] = flow->next[end];
        sum = packet_sum(sum, flow->end[end].ip, ip_len(&flow->end[end]));
    }
    flow->fixed_sum = fold(sum);
}

/* ------------------------------------------------------------------ headers */

static inline void put16(uint8_t *out, uint16_t value)
{
    value = htons(value);
    memcpy(out, &value, sizeof value);
}

static inline void put32(uint8_t *out, uint32_t value)
{
    value = htonl(value);
    memcpy(out, &value, sizeof value);
}

size_t packet_header_len(const struct packet_flow *flow, unsigned tcp_flags)
{
    return (flow->ethernet ? (size_t)PACKET_ETHERNET_HEADER : 0) +
           (flow->end[0].v6 ? PACKET_IPV6_HEADER : PACKET_IPV4_HEADER) + PACKET_TCP_HEADER +
           (tcp_flags & TCP_SYN ? PACKET_SYN_OPTIONS : 0);
}

/* A locally administered address (the second bit of the first byte) that ends as the IP one. */
static void put_hardware(uint8_t *out, const struct packet_address *address)
{
    out[0] = 0x02;
    out[1] = address->v6 ? 0x06 : 0x04;
    memcpy(out + 2, address->ip + ip_len(address) - 4, 4);
}

static uint8_t *put_ethernet(uint8_t *out, const struct packet_flow *flow, int end)
{
    put_hardware(out, &flow->end[1 - end]);
    put_hardware(out + 6, &flow->end[end]);
    put16(out + 12, flow->end[0].v6 ? 0x86dd : 0x0800);
    return out + PACKET_ETHERNET_HEADER;
}

static uint8_t *put_ipv4(uint8_t *out, const struct packet_flow *flow, int end, size_t tcp_len)
{
    static const uint8_t begin[PACKET_IPV4_HEADER] = {
        0x45, 0, 0, 0, 0, 0, 0x40 /* DF */, 0, HOP_LIMIT, PROTOCOL_TCP};
    memcpy(out, begin, sizeof begin);
    put16(out + 2, (uint16_t)(PACKET_IPV4_HEADER + tcp_len));
    memcpy(out + 12, flow->end[end].ip, 4);
    memcpy(out + 16, flow->end[1 - end].ip, 4);
    uint16_t sum = (uint16_t)~fold(packet_sum(0, out, PACKET_IPV4_HEADER));
    memcpy(out + 10, &sum, sizeof sum);
    return out + PACKET_IPV4_HEADER;
}

static uint8_t *put_ipv6(uint8_t *out, const struct packet_flow *flow, int end, size_t tcp_len)
{
    static const uint8_t begin[8] = {0x60, 0, 0, 0, 0, 0, PROTOCOL_TCP, HOP_LIMIT};
    memcpy(out, begin, sizeof begin);
    put16(out + 4, (uint16_t)tcp_len);
    memcpy(out + 8, flow->end[end].ip, 16);
    memcpy(out + 24, flow->end[1 - end].ip, 16);
    return out + PACKET_IPV6_HEADER;
}

static void put_tcp(uint8_t *out, struct packet_flow *flow, int end, unsigned tcp_flags,
                    size_t header)
{
    memset(out, 0, header);
    put16(out, flow->end[end].port);
    put16(out + 2, flow->end[1 - end].port);
    put32(out + 4, flow->next[end]);
    if (tcp_flags & TCP_ACK)
        put32(out + 8, flow->next[1 - end]);
    out[12] = (uint8_t)(header / 4 << 4);
    out[13] = (uint8_t)tcp_flags;
    put16(out + 14, WINDOW);
    if (tcp_flags & TCP_SYN) {
        const uint8_t options[PACKET_SYN_OPTIONS] = {2, 4, 0,           0, 1 /* padding */,
                                                     3, 3, WINDOW_SCALE};
        memcpy(out + PACKET_TCP_HEADER, options, sizeof options);
        put16(out + PACKET_TCP_HEADER + 2, flow->payload_max);
    }
}

void packet_write(struct packet_flow *flow, uint8_t *out, int end, unsigned tcp_flags,
                  size_t payload_len)
{
    size_t header = PACKET_TCP_HEADER + (tcp_flags & TCP_SYN ? (size_t)PACKET_SYN_OPTIONS : 0);
    size_t tcp_len = header + payload_len;
    if (flow->ethernet)
        out = put_ethernet(out, flow, end);
    out = flow->end[0].v6 ? put_ipv6(out, flow, end, tcp_len) : put_ipv4(out, flow, end, tcp_len);
    put_tcp(out, flow, end, tcp_flags, header);
    /* the ports are in fixed_sum already */
    uint64_t sum = (uint64_t)flow->fixed_sum + htons((uint16_t)tcp_len);
    uint16_t check = (uint16_t)~fold(packet_sum(sum, out + 4, tcp_len - 4));
    memcpy(out + 16, &check, sizeof check);
    flow->next[end] += (uint32_t)payload_len + (tcp_flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
    if (tcp_flags & TCP_ACK)
        flow->seen[1 - end] = flow->next[1 - end];
}
